"""An engine that a run gets by itself: equal to torch, in all of its models or none, and never a reason to fail."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from munseo import predict
from munseo._data import find_pages
from munseo._engines import ENGINES
from munseo._engines.backends import load_backend
from munseo._engines.sidecar import SIDECAR
from munseo._prediction import InferenceSetup, PredictOptions, Predictor, bulk, predict_pages, prepared_engine
from munseo._prediction.inference import read_card
from munseo._prediction.parts_folder import PartsFolder, Shard
from munseo._prediction.prepared_engine import models_of, prepare_engine, ready_engine
from munseo._run import check_fingerprints, open_run

CPU = InferenceSetup(torch.device("cpu"), 16)


@pytest.fixture
def own_run(finished, tmp_path):
    return open_run(shutil.copytree(finished.path, tmp_path / "runs" / finished.name))


@pytest.fixture(scope="module")
def pages(documents):
    return find_pages([documents / "test"], "ID").pages


def content(run):
    return sorted(path.name for path in (run.path / "export").rglob("*")) if (run.path / "export").exists() else []


def use_only(monkeypatch, *names):
    for name in set(ENGINES) - set(names):
        monkeypatch.setitem(ENGINES, name, replace(ENGINES[name], package="no_such_package"))


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_is_made_once_and_predicts_like_torch(own_run, pages, name, monkeypatch, capsys):
    use_only(monkeypatch, name)
    assert ready_engine([own_run], CPU) is None
    assert prepare_engine([own_run], pages, CPU) == name
    said = capsys.readouterr().err
    assert said.startswith(f"engine: {name}, made in")
    assert len(said.splitlines()) == 1
    check_fingerprints(own_run)
    card = read_card(own_run)
    by_torch, by_engine = (predict_pages(load_backend(own_run, card, key), pages, CPU) for key in ("torch", name))
    assert 0 < np.abs(by_torch - by_engine).max() < 1e-4, "exactly equal would mean that torch was compared with itself"
    sidecar = json.loads((own_run.export_dir(name) / SIDECAR).read_text())
    assert sidecar["parity"]["num_agreeing"] == sidecar["parity"]["num_pages"] == min(32, len(pages))
    assert not [file for file in content(own_run) if file.endswith(".draft")]
    assert ready_engine([own_run], CPU) == prepare_engine([own_run], pages, CPU) == name
    assert not capsys.readouterr().err, "what is ready needs no word"


def test_every_fold_gets_one_or_none(kfold_run, tmp_path, pages, monkeypatch, capsys):
    run = open_run(shutil.copytree(kfold_run.path, tmp_path / "runs" / kfold_run.name))
    models = models_of([run])
    assert models == run.folds
    (models[-1].path / "export").write_text("a file in the way")
    assert prepare_engine(models, pages, CPU) is None
    assert "cannot be written" in capsys.readouterr().err
    assert not [model for model in models[:-1] if content(model)]
    (models[-1].path / "export").unlink()
    assert prepare_engine(models, pages, CPU) == ready_engine(models, CPU) == "openvino"
    shutil.rmtree(models[0].export_dir("openvino"))
    assert ready_engine(models, CPU) is None


def test_an_engine_that_answers_otherwise_is_not_kept(own_run, pages, monkeypatch, capsys):
    original = ENGINES["openvino"]

    def write(network, image_size, folder):
        original.write(torch.nn.Sequential(network, torch.nn.Softsign()), image_size, folder)

    monkeypatch.setitem(ENGINES, "openvino", replace(original, write=write))
    assert prepare_engine([own_run], pages, CPU) is None
    assert "engine: torch predicts, since openvino answers otherwise" in capsys.readouterr().err
    assert not content(own_run)


def test_a_network_that_cannot_be_written_keeps_torch(own_run, pages, monkeypatch, capsys):
    class Spectrum(torch.nn.Module):
        def forward(self, images):
            return torch.linalg.svd(images[:, 0])[1]

    original = ENGINES["openvino"]
    monkeypatch.setitem(
        ENGINES, "openvino", replace(original, write=lambda _, size, folder: original.write(Spectrum(), size, folder))
    )
    assert prepare_engine([own_run], pages, CPU) is None
    assert "Spectrum: cannot be written for OpenVINO" in capsys.readouterr().err
    assert not content(own_run)


def test_without_an_engine_or_off_the_processor_torch_predicts(own_run, pages, monkeypatch, capsys):
    assert prepare_engine([own_run], pages, replace(CPU, device=torch.device("cuda"))) is None
    assert not capsys.readouterr().err
    use_only(monkeypatch)
    assert prepare_engine([own_run], pages, CPU) is None
    assert "no faster engine is installed" in capsys.readouterr().err
    assert not content(own_run)


def test_an_engine_of_other_weights_is_made_again(own_exports, pages):
    engine = own_exports.export_dir("openvino")
    assert ready_engine([own_exports], CPU) == "openvino"
    sidecar = json.loads((engine / SIDECAR).read_text())
    (engine / SIDECAR).write_text(json.dumps({**sidecar, "weights_sha256": "0" * 64}))
    assert ready_engine([own_exports], CPU) == "onnx"
    shutil.rmtree(own_exports.export_dir("onnx"))
    assert prepare_engine([own_exports], pages, CPU) == ready_engine([own_exports], CPU) == "openvino"
    assert json.loads((engine / SIDECAR).read_text())["weights_sha256"] == sidecar["weights_sha256"]


def test_two_processes_at_once_do_not_break_each_other(own_run, pages, monkeypatch, capsys):
    """Another process places the same engine in the moment in which this one does."""

    def place_late(models, name, folders):
        shutil.copytree(folders[0], models[0].export_dir(name))
        folders[0].rename(models[0].export_dir(name))

    monkeypatch.setattr(prepared_engine, "place", place_late)
    assert prepare_engine([own_run], pages[:4], CPU) == ready_engine([own_run], CPU) == "openvino"
    assert not [file for file in content(own_run) if file.endswith(".draft")]


def test_a_large_prediction_makes_an_engine_and_decides_alike(own_run, documents, tmp_path, monkeypatch, capsys):
    def predicted(name, **options):
        return predict(own_run.path, [documents / "test"], tmp_path / name, tta=True, **options).read_bytes()

    small = predicted("small.csv")
    assert not content(own_run), "making an engine would take longer than these pages"
    monkeypatch.setattr(prepared_engine, "WORTH_MULTIPLY_ADDS", 0)
    monkeypatch.setattr(prepared_engine, "FEWEST_PASSES", 0)
    assert predicted("torch.csv", backend="torch") == small
    assert not content(own_run)
    capsys.readouterr()
    assert predicted("large.csv") == small
    assert "engine: openvino, made in" in capsys.readouterr().err
    assert Predictor.load(own_run).backend == "openvino"
    assert Predictor.load(own_run, PredictOptions(backend="torch")).backend == "torch"


def test_all_rows_of_a_table_come_from_one_engine(own_run, exports, documents, tmp_path, monkeypatch):
    """A prediction that goes on stays with the engine of its first rows, whatever the run has got since."""
    output = tmp_path / "pages.parquet"
    predict(own_run.path, [documents / "test"], output, quiet=True)
    shutil.copytree(exports.path / "export", own_run.path / "export")
    monkeypatch.setattr(bulk, "prepare_for", lambda *_: pytest.fail("the rows that are there have an engine already"))
    predict(own_run.path, [documents / "test"], output, quiet=True)
    plan = PartsFolder.of(output, Shard()).read_plan()
    assert plan["settings"]["backend"] == "torch"
    monkeypatch.undo()
    predict(own_run.path, [documents / "test"], tmp_path / "new.parquet", quiet=True)
    assert PartsFolder.of(tmp_path / "new.parquet", Shard()).read_plan()["settings"]["backend"] == "openvino"


def test_a_stream_of_many_files_makes_an_engine(own_run, documents, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(prepared_engine, "WORTH_MULTIPLY_ADDS", 0)
    monkeypatch.setattr(prepared_engine, "FEWEST_PASSES", 0)
    predict(own_run.path, [documents / "test"], tmp_path / "pages.parquet")
    assert "engine: openvino, made in" in capsys.readouterr().err
    assert PartsFolder.of(tmp_path / "pages.parquet", Shard()).read_plan()["settings"]["backend"] == "openvino"
