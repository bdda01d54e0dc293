"""``munseo serve RUN``: the same bits as ``munseo predict``, and doors that stay shut."""

import shutil
import socket
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from service_process import free_port, serving

from munseo import UserError, export, predict, serve
from munseo._service.server import listen


@pytest.fixture(scope="module")
def run(finished, tmp_path_factory):
    """The finished run with an export."""
    copy = shutil.copytree(finished.path, tmp_path_factory.mktemp("served") / finished.name)
    export(copy, "openvino", quiet=True)
    return copy


@pytest.fixture(scope="module", params=["torch", "openvino"])
def served(run, request):
    port = free_port()
    words = ["-m", "munseo", "serve", run, "--port", port, "--abstain-below", 0.9, "--backend", request.param]
    with serving(words, port) as server:
        yield server, request.param


def test_the_same_probabilities_as_predict_to_the_last_bit(served, run, documents, tmp_path):
    server, backend = served
    files = sorted((documents / "test").iterdir())
    output = predict(run, files, tmp_path / "p.parquet", proba=True, backend=backend, quiet=True)
    table = pd.read_parquet(output)
    expected = table.set_index("ID")[[name for name in table if name.startswith("p_")]]

    def ask(some):
        with server.client() as client:
            return client.post("/v1/predict", files=[("file", (file.name, file.read_bytes())) for file in some])

    # One by one, by eight at once, and some together: batches of every size.
    with ThreadPoolExecutor(8) as pool:
        alone = [[file] for file in files]
        answers = [*map(ask, alone[:3]), *pool.map(ask, alone), ask(files[:7])]
    pages = [page for answer in answers for page in answer.json()["pages"]]
    assert len(pages) == 3 + len(files) + 7
    for page in pages:
        row = np.float32(list(page["probabilities"].values()))
        assert np.array_equal(row, expected.loc[page["file"]].to_numpy(np.float32)), page["file"]


def test_the_card_says_what_answers(served, finished):
    server, backend = served
    with server.client() as client:
        card = client.get("/v1/model").json()
    assert card["run"] == finished.path.name
    assert card["backend"] == backend
    assert card["needs_person_below"] == 0.9
    assert len(card["classes"]) == 17
    assert card["preprocessing"][0]["image_size"] == 64
    assert card["fingerprints"]["manifest_sha256"] == finished.read_manifest()["sha256"]
    assert 0 <= card["validation"]["val"]["macro_f1"] <= 1
    assert str(finished.path.parent) not in str(card)


def test_an_answer_does_not_wait_for_an_acknowledgement():
    with listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP, "asyncio leaves Nagle's algorithm on otherwise: 40 ms an answer"


def test_a_port_that_is_taken(finished):
    with listen("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(UserError, match="choose another --port"):
            serve(finished.path, port=taken.getsockname()[1])


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.7", "::", "example.org"])
def test_other_machines_are_let_in_only_with_a_token_or_by_name(host, finished, monkeypatch):
    monkeypatch.delenv("MUNSEO_TOKEN", raising=False)
    with pytest.raises(UserError, match="other machines reach this service"):
        serve(finished.path, host=host)


def test_a_token_that_is_guessed(finished, monkeypatch):
    monkeypatch.setenv("MUNSEO_TOKEN", "hunter2")
    with pytest.raises(UserError, match="has 7 characters"):
        serve(finished.path)
