"""A loaded run predicts as it was configured, unless it is told otherwise."""

import json
import shutil

import numpy as np
import pytest
import torch
import yaml

from munseo import UserError, train
from munseo._data import decode, load_pages
from munseo._prediction import PredictOptions, Predictor
from munseo._run import RunFolder, open_run


@pytest.fixture
def pretended_gpu(monkeypatch):
    """A machine with a GPU, as far as the choice of a device goes."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)


@pytest.fixture
def own_run(finished, tmp_path):
    """Make a copy of the finished run whose configuration and effective settings differ."""

    def change(config=None, effective=None):
        run = RunFolder(shutil.copytree(finished.path, tmp_path / "own"))
        values = yaml.safe_load(run.config_file.read_text(encoding="utf-8"))
        run.config_file.write_text(yaml.safe_dump({**values, **(config or {})}, allow_unicode=True), encoding="utf-8")
        manifest = run.read_manifest()
        manifest["effective"] |= effective or {}
        del manifest["fingerprints"], manifest["sha256"]
        run.manifest_file.write_text(json.dumps(manifest), encoding="utf-8")
        return run

    return change


def test_the_device_is_that_of_the_run(finished, pretended_gpu):
    assert finished.read_config().device == "cpu"
    assert Predictor.load(finished).runs[0].setup.device.type == "cpu"
    options = PredictOptions(device="auto")
    assert Predictor.load(finished, options).runs[0].setup.device.type == "cuda", "the machine's, when it is asked for"


def test_a_device_that_is_not_there_is_named(own_run, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    run = own_run({"device": "cuda"})
    with pytest.raises(UserError, match="device: cuda is not available on this machine"):
        Predictor.load(run)
    assert Predictor.load(run, PredictOptions(device="cpu")).runs[0].setup.device.type == "cpu"


@pytest.mark.parametrize(
    ("config", "effective", "expected"),
    [
        ({"val_batch_size": 12}, {"val_batch_size": 99}, 12),
        ({"val_batch_size": "auto"}, {"val_batch_size": 7}, 7),
        ({"val_batch_size": "auto"}, {"val_batch_size": None}, 50),
    ],
    ids=["configured", "found", "unknown"],
)
def test_the_batch_size_is_that_of_the_run(own_run, config, effective, expected):
    run = own_run(config, effective)
    assert Predictor.load(run).batch_size == expected
    assert Predictor.load(run, PredictOptions(batch_size=3)).batch_size == 3


def test_a_prepared_page_is_predicted_as_its_file(finished, documents):
    predictor, pages = Predictor.load(finished), load_pages(documents).test
    prepared = [predictor.prepare(decode(page.path)) for page in pages]
    assert np.array_equal(predictor.predict(prepared).final, predictor.predict(pages).final)
    rows = predictor.probabilities(prepared)
    assert rows.dtype == np.float32
    assert np.array_equal(rows, predictor.calibrated(predictor.predict(pages).final))
    assert predictor.temperature != 1
    assert (rows.argmax(axis=1) == predictor.predict(pages).final.argmax(axis=1)).all()


def test_a_second_look_changes_uncertain_pages_only(finished, documents):
    pages = load_pages(documents).train
    plain, looking = (Predictor.load(finished, PredictOptions(second_look=again)) for again in (None, True))
    assert plain.second_look is None
    once, twice = plain.predict(pages), looking.predict(pages)
    assert np.array_equal(once.final, twice.first)
    uncertain = twice.first.max(axis=1) < looking.second_look.gate
    assert twice.num_second == uncertain.sum()
    assert np.array_equal(twice.final[~uncertain], twice.first[~uncertain])
    assert uncertain.any()
    assert (twice.final[uncertain] != twice.first[uncertain]).any(axis=1).all()


def test_levelled_pages_are_levelled_by_every_caller(plain_config, overrides):
    run = open_run(train(plain_config, overrides(orientation="deskew", epochs=1, robustness_pages=0), quiet=True))
    assert run.read_json(run.model_file)["orientation"] == "deskew"
    recorded = run.read_predictions(run.val_predictions_file)
    pages = [page for page in load_pages(run.read_config().data_dir).train if page.id in set(recorded["ID"])]
    again = Predictor.load(run).predict(pages).final
    by_id = recorded.set_index("ID").loc[[page.id for page in pages]].filter(regex="^p_")
    assert np.allclose(again, by_id.to_numpy(), atol=1e-6)
