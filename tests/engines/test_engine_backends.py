"""Engines in place of torch: the same predictions from each, and nothing that belongs to other weights."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from munseo import UserError
from munseo._engines import BACKENDS, ENGINES, EXPORTS
from munseo._engines.backends import load_backend
from munseo._engines.engine import engine_of
from munseo._engines.sidecar import SIDECAR
from munseo._model import Classifier, load_classifier
from munseo._prediction import InferenceSetup
from munseo._prediction.backend_trial import common_exports, fastest
from munseo._prediction.inference import load_members, read_card
from munseo._prediction.predictor import PredictOptions, Predictor
from munseo._run.atomic import write_json


@pytest.fixture(scope="module")
def images():
    noise = np.random.default_rng(0).standard_normal((7, 3, 64, 64), dtype=np.float32)
    brightness = np.linspace(-2, 2, 7, dtype=np.float32).reshape(7, 1, 1, 1)  # so that no two predictions are close
    return torch.from_numpy(noise + brightness)


def logits(run, backend, images):
    with torch.inference_mode():
        return load_backend(run, read_card(run), backend)(images)


def near(found, expected, share=1e-3):
    """Compare logits relative to their spread, since those of a small model are all near zero."""
    return float((found - expected).abs().max()) < share * float(expected.std())


@pytest.mark.parametrize("backend", ENGINES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_logits_are_those_of_torch_in_either_layout(exports, images, backend, layout):
    found = logits(exports, backend, images.to(memory_format=layout))
    assert near(found, logits(exports, "torch", images))
    assert not near(found.flip(0), logits(exports, "torch", images), 0.2), "the order of pages would show"


@pytest.mark.parametrize("backend", EXPORTS)
@pytest.mark.parametrize("num_threads", [1, 2])
def test_a_page_does_not_depend_on_its_batch(exports, images, backend, num_threads):
    engine = engine_of(backend).open(exports.export_dir(backend), num_threads)
    whole = engine(images)
    assert whole.shape == (7, 17)
    single = torch.cat([engine(image[None]) for image in images])
    # In eight bits the last digit of a float may move a value by a whole step.
    assert near(whole, single, 0.2 if backend.endswith("int8") else 1e-3)


@pytest.mark.parametrize("backend", ENGINES)
def test_a_run_predicts_alike_with_views_and_second_look(exports, documents, backend):
    from munseo._data import find_pages

    pages = find_pages([documents / "test"], "ID").pages
    by_torch, by_engine = (
        Predictor.load(exports, PredictOptions(tta=True, backend=name, batch_size=5)).predict(pages)
        for name in ("torch", backend)
    )
    assert np.allclose(by_torch.final, by_engine.final, atol=1e-4)
    assert (by_torch.final.argmax(1) == by_engine.final.argmax(1)).all()


def test_predict_takes_a_backend(exports, documents, tmp_path):
    from munseo import predict

    tables = [
        pd.read_csv(predict(exports.path, [documents / "test"], tmp_path / f"{name}.csv", backend=name, quiet=True))
        for name in ("torch", "openvino")
    ]
    assert tables[0].equals(tables[1])


PYTHON_WITH_A_SIGNAL = """
import os, signal, sys, threading
from pathlib import Path
import torch
from munseo._engines.backends import open_engine

engines = [open_engine(Path(sys.argv[1]), "openvino")]
engines[0](torch.zeros(1, 3, 64, 64))
signal.signal(signal.SIGTERM, lambda *_: print("answered"))
thread = threading.Thread(target=engines.clear)
thread.start()
thread.join()
os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_a_signal_after_an_engine_went_on_another_thread_is_survived(exports):
    words = [sys.executable, "-c", PYTHON_WITH_A_SIGNAL, str(exports.export_dir("openvino"))]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "answered\n")


@pytest.mark.parametrize("change", ["norm_mean", "class_names", "image_size", "orientation"])
def test_another_card_is_refused(own_exports, change):
    card = own_exports.read_json(own_exports.model_file)
    card[change] = {
        "norm_mean": [0.1, 0.2, 0.3], "class_names": card["class_names"][::-1], "image_size": 96,
        "orientation": "deskew",
    }[change]  # fmt: skip
    write_json(own_exports.model_file, card)
    with pytest.raises(UserError, match="export it again"):
        load_members(own_exports, "onnx")


def test_an_edited_sidecar_is_refused(own_exports):
    file = own_exports.export_dir("openvino") / SIDECAR
    sidecar = json.loads(file.read_text())
    sidecar["preprocessing"][-1]["std"] = [1.0, 1.0, 1.0]
    write_json(file, sidecar)
    with pytest.raises(UserError, match="--format openvino") as caught:
        load_members(own_exports, "openvino")
    assert "preprocessing" in caught.value.problems[0]


def test_other_weights_are_refused(own_exports):
    own_exports.weights_file.write_bytes(own_exports.weights_file.read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(UserError) as caught:
        load_members(own_exports, "onnx-int8")
    assert caught.value.problems == ["weights.safetensors: changed since the export"]
    assert "--int8" in str(caught.value)


def test_a_graph_that_was_not_checked_is_refused(own_exports):
    shutil.copyfile(own_exports.export_dir("onnx-int8") / "model.onnx", own_exports.export_dir("onnx") / "model.onnx")
    with pytest.raises(UserError) as caught:
        load_members(own_exports, "onnx")
    assert caught.value.problems == ["model.onnx: not the file that was checked"]


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_an_engine_is_installed_and_named_by_its_key(engine):
    assert ENGINES[engine.name] is engine
    assert engine.is_installed
    assert {engine.name, f"{engine.name}-int8"} <= set(EXPORTS)


def test_not_exported(finished):
    with pytest.raises(UserError, match=r"munseo export .* --format openvino --int8"):
        load_members(finished, "openvino-int8")
    with pytest.raises(UserError, match="backend: 'tensorrt'"):
        load_members(finished, "tensorrt")


def test_a_missing_package_is_named(exports, monkeypatch, capsys):
    monkeypatch.setitem(ENGINES, "openvino", replace(ENGINES["openvino"], package="no_such_package"))
    with pytest.raises(UserError, match=r"no_such_package is not installed; pip install 'munseo\[export\]'"):
        load_members(exports, "openvino")
    assert common_exports([exports]) == ["onnx", "onnx-int8"]
    assert "openvino: left out" in capsys.readouterr().err


def test_auto_takes_only_what_every_model_has(exports, finished):
    assert common_exports([exports, exports]) == list(EXPORTS)
    assert common_exports([exports, finished]) == []


def test_auto_without_exports_is_torch(finished, capsys):
    predictor = Predictor.load(finished, PredictOptions(backend="auto"))
    assert predictor.backend == "torch"
    assert "backend: torch (nothing else" in capsys.readouterr().err


def test_auto_takes_one_and_reports_which(exports, documents, capsys):
    from munseo._data import find_pages

    pages = find_pages([documents / "test"], "ID").pages[:3]
    predictor = Predictor.load(exports, PredictOptions(backend="auto"))
    said = capsys.readouterr().err
    assert f"backend: {predictor.backend} (" in said
    assert all(name in said for name in BACKENDS if name != "auto")
    named = Predictor.load(exports, PredictOptions(backend=predictor.backend))
    assert named.pipeline == predictor.pipeline
    assert named.temperature == predictor.temperature
    assert np.array_equal(named.predict(pages).final, predictor.predict(pages).final)


def test_auto_leaves_out_eight_bits_that_were_not_measured(own_exports, capsys):
    for name in ENGINES:
        shutil.rmtree(own_exports.export_dir(f"{name}-int8") / "measured")
    predictor = Predictor.load(own_exports, PredictOptions(backend="auto"))
    assert predictor.backend in ("torch", *ENGINES)
    assert "int8" not in capsys.readouterr().err


def test_auto_leaves_out_what_decides_differently(exports, capsys):
    card = read_card(exports)
    network = load_classifier(card, exports.weights_file).network

    class Wrong(torch.nn.Module):
        def forward(self, batch):
            return torch.eye(17)[torch.full((len(batch),), 3)]

    class Slow(torch.nn.Module):
        def forward(self, batch):
            for _ in range(5):
                network(batch)
            return network(batch)

    networks = {"torch": network, "onnx": Wrong(), "openvino": Slow()}
    candidates = {name: Classifier(found, card) for name, found in networks.items()}
    assert fastest(candidates, InferenceSetup(torch.device("cpu"), 16)) == "torch"
    assert "onnx: left out" in capsys.readouterr().err
