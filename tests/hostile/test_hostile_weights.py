"""Weights and training state: pickles that would run code, headers that lie, numbers that are none."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from pathlib import Path

import pytest
import torch
from bounds import memory_below
from safetensors.torch import save_file

from munseo import UserError
from munseo._model import ModelCard, build_classifier, load_classifier
from munseo._model.pretrained import read_state
from munseo._training.callbacks import save_weights

CARD = ModelCard("test_efficientnet.r160_in1k", ("a", "b"), ("0", "1"), 64, (0.5,) * 3, (0.5,) * 3)


class Canary:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


def malicious(kind: str, file: Path, canary: Path) -> None:
    if kind == "pickle":
        file.write_bytes(pickle.dumps({"weight": Canary(canary)}))
    elif kind == "old pickle":
        file.write_bytes(pickle.dumps({"weight": Canary(canary)}, protocol=0))
    elif kind == "torch":
        torch.save({"weight": Canary(canary)}, file)
    elif kind == "old torch":
        torch.save({"weight": Canary(canary)}, file, _use_new_zipfile_serialization=False)
    elif kind == "torch script":
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), file)
    else:
        torch.save(torch.nn.Linear(2, 2), file)


KINDS = ("pickle", "old pickle", "torch", "old torch", "torch script", "whole module")


@pytest.mark.parametrize("ending", [".pt", ".bin", ".safetensors"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")
def test_a_pickle_is_refused_without_being_run(kind, ending, tmp_path):
    file, canary = tmp_path / f"model{ending}", tmp_path / "canary"
    malicious(kind, file, canary)
    for read in (lambda: read_state(file), lambda: build_classifier(CARD, str(file))):
        # TorchScript is packed, and not even opened.
        with pytest.raises(UserError, match=r"not weights that can be read safely|is a packed ZIP archive"):
            read()
    assert not canary.exists()
    if kind in ("pickle", "old pickle"):
        pickle.loads(file.read_bytes())
        assert canary.exists(), "the canary does sing where a pickle is run"


def entry(**changes: object) -> dict[str, object]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}


LIES = {
    "a header of 2^60 bytes": ({"a": entry()}, 8, 2**60),
    "a header longer than the file": ({"a": entry()}, 8, 1000),
    "a header shorter than it is": ({"a": entry()}, 8, 5),
    "two tensors in one place": ({"a": entry(), "b": entry()}, 8, None),
    "a hole between tensors": ({"a": entry(), "b": entry(data_offsets=[16, 24])}, 24, None),
    "an end beyond the file": ({"a": entry(data_offsets=[0, 800])}, 8, None),
    "an end before the start": ({"a": entry(data_offsets=[8, 0])}, 8, None),
    "a shape of a terabyte": ({"a": entry(shape=[2**38])}, 8, None),
    "a shape that overflows": ({"a": entry(shape=[2**33, 2**33])}, 8, None),
    "a negative shape": ({"a": entry(shape=[-2])}, 8, None),
    "an unknown kind of number": ({"a": entry(dtype="F99")}, 8, None),
    "a kind of another width": ({"a": entry(dtype="F64")}, 8, None),
    "bytes behind the end": ({"a": entry()}, 80, None),
    "a list for a table": ([entry()], 8, None),
    "ten thousand brackets": ("[" * 10_000, 8, None),
    "a letter that is none": ("\udcff", 8, None),
}


@pytest.mark.parametrize("name", LIES)
def test_safetensors_that_lie(name, tmp_path):
    content, num_bytes, length = LIES[name]
    header = (content if isinstance(content, str) else json.dumps(content)).encode("utf-8", "surrogateescape")
    file = tmp_path / "weights.safetensors"
    file.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + b"\0" * num_bytes)
    with memory_below(100), pytest.raises(UserError, match="not weights that can be read safely"):
        read_state(file)


@pytest.fixture(scope="module")
def network():
    return build_classifier(CARD)[0].network


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state, name: state.pop(name), "missing"),
        (lambda state, name: state.update({"extra": torch.zeros(1)}), "extra: unknown"),
        (lambda state, name: state.update({name: state[name][:-1].clone()}), "should be"),
        (lambda state, name: state.update({name: state[name].to(torch.int8)}), "torch.int8; should be torch.float32"),
        (lambda state, name: state.update({name: state[name].to(torch.float8_e4m3fn)}), "torch.float8_e4m3fn"),
        (lambda state, name: state.update({name: state[name].to(torch.complex64)}), "torch.complex64"),
        (lambda state, name: state[name].view(-1)[:1].fill_(float("nan")), "no numbers"),
        (lambda state, name: state[name].view(-1)[:1].fill_(float("inf")), "no numbers"),
    ],
)
def test_weights_that_do_not_fit_the_card(change, words, network, tmp_path):
    state = {name: value.clone() for name, value in network.state_dict().items()}
    change(state, "classifier.weight")
    file = tmp_path / "weights.safetensors"
    save_file(state, file)
    with pytest.raises(UserError, match="does not fit") as caught:
        load_classifier(CARD, file)
    assert words in caught.value.problems[0]


def test_pretrained_weights_of_the_right_names_and_wrong_shapes(network, tmp_path):
    file = tmp_path / "model.safetensors"
    save_file({name: value.new_zeros(3) for name, value in network.state_dict().items()}, file)
    with pytest.raises(UserError, match="does not fit"):
        build_classifier(CARD, str(file))


def test_what_fits_is_taken(network, tmp_path):
    save_weights(network, tmp_path / "weights.safetensors")
    load_classifier(CARD, tmp_path / "weights.safetensors")


def test_a_packed_torch_file_is_not_unpacked(tmp_path):
    torch.save({"a": torch.zeros(1_000_000)}, tmp_path / "plain.pt")
    with (
        zipfile.ZipFile(tmp_path / "plain.pt") as source,
        zipfile.ZipFile(tmp_path / "packed.pt", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for info in source.infolist():
            target.writestr(info.filename, source.read(info))
    with pytest.raises(UserError, match="is a packed ZIP archive"):
        read_state(tmp_path / "packed.pt")
    assert set(read_state(tmp_path / "plain.pt")) == {"a"}


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "model.safetensors")
    (tmp_path / "loop.pt").symlink_to("loop.pt")
    for path in (tmp_path, tmp_path / "model.safetensors", tmp_path / "loop.pt", tmp_path / "no.pt"):
        with pytest.raises(UserError, match="pretrained:"):
            build_classifier(CARD, str(path))
        with pytest.raises(UserError, match="there is no such file"):
            read_state(path)
