"""Run folders that were edited, cut, swapped or made to attack: said before a model answers, and nothing is run."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from bounds import memory_below

from munseo import UserError, evaluate, export, predict, report, resume
from munseo._ensemble.members import read_members
from munseo._model import ModelCard
from munseo._model.pretrained import read_state as read_weights
from munseo._run import RunFolder, check_fingerprints, open_run, run_folder
from munseo._training.checkpoint import read_state


@pytest.fixture
def run(finished, tmp_path) -> RunFolder:
    """A copy that a test may damage."""
    return RunFolder(Path(shutil.copytree(finished.path, tmp_path / finished.path.name)))


def edit(file: Path, **values: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}, ensure_ascii=False), encoding="utf-8")


def test_an_untouched_run_is_what_it_was(run):
    check_fingerprints(run)
    manifest = run.read_manifest()
    assert set(manifest["fingerprints"]) == {"config.yaml", "model.json", "weights.safetensors", "results.json"}
    assert len(manifest["sha256"]) == 64


def swapped(run: RunFolder) -> None:
    card = json.loads(run.model_file.read_text())
    edit(run.model_file, class_names=card["class_names"][::-1])


def other_weights(run: RunFolder) -> None:
    data = bytearray(run.weights_file.read_bytes())
    data[-1] ^= 1
    run.weights_file.write_bytes(data)


EDITS = {
    "the card's classes in another order": (swapped, "model.json: changed since the run ended"),
    "one bit of the weights": (other_weights, "weights.safetensors: changed since the run ended"),
    "the configuration": (
        lambda run: run.config_file.write_text(run.config_file.read_text().replace("TTA: false", "TTA: true")),
        "config.yaml: changed since the run ended",
    ),
    "the temperature": (lambda run: edit(run.results_file, calibration={"temperature": 9}), "results.json: changed"),
    "the manifest": (lambda run: edit(run.manifest_file, data={}), "manifest.json: was edited"),
    "the weights' fingerprint in the manifest": (
        lambda run: edit(run.manifest_file, fingerprints={"weights.safetensors": "0" * 64}),
        "manifest.json: was edited",
    ),
    "a fingerprint of a file elsewhere": (
        lambda run: edit(run.manifest_file, fingerprints={"../../etc/passwd": "0" * 64}),
        "a file that Munseo does not fingerprint",
    ),
    "the card is gone": (lambda run: run.model_file.unlink(), "model.json: missing"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_said_before_the_model_answers(name, run, finished, documents, tmp_path):
    change, words = EDITS[name]
    change(run)
    for act in (
        lambda: predict(run.path, [documents / "test"], tmp_path / "o.csv", quiet=True),
        lambda: predict(run.path, [documents / "test"], tmp_path / "o.parquet", quiet=True),
        lambda: evaluate(run.path, quiet=True),
        lambda: export(run.path, "onnx", quiet=True),
        lambda: read_members([run.path, finished.path]),
    ):
        with pytest.raises(UserError, match="not what was written when the run ended") as caught:
            act()
        assert any(words in problem for problem in caught.value.problems)
    assert not (tmp_path / "o.csv").exists()


def test_a_meant_edit_goes_on_as_the_message_says(run, documents, tmp_path):
    swapped(run)
    manifest = json.loads(run.manifest_file.read_text())
    del manifest["fingerprints"], manifest["sha256"]
    run.manifest_file.write_text(json.dumps(manifest))
    predict(run.path, [documents / "test"], tmp_path / "o.csv", quiet=True)


class Canary:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


@pytest.mark.parametrize("kind", ["pickle", "torch", "text", "empty"])
def test_a_state_that_would_run_code_is_refused(kind, run, tmp_path):
    canary = tmp_path / "canary"
    if kind == "torch":
        torch.save({"callbacks": Canary(canary)}, run.state_file)
    else:
        content = {"pickle": pickle.dumps(Canary(canary)), "text": b"state", "empty": b""}
        run.state_file.write_bytes(content[kind])
    run.results_file.unlink()
    run.update_manifest(status="running")
    with pytest.raises(UserError, match=r"state\.ckpt"):
        resume(run.path, quiet=True)
    assert not canary.exists()


BROKEN_JSON = {
    "cut": '{"format": 1, "na',
    "ten thousand brackets": "[" * 10_000,
    "a number of 5,000 digits": '{"format": ' + "1" * 5000 + "}",
    "a list": "[]",
    "half a letter": '{"name": "\\ud800"}',
    "a format that is no number": '{"format": "1"}',
    "a newer format": '{"format": 99}',
    "no UTF-8": b'{"name": "\xff"}',
    "nothing": "",
}


@pytest.mark.parametrize("name", BROKEN_JSON)
def test_a_manifest_that_is_none(name, tmp_path):
    content = BROKEN_JSON[name]
    folder = RunFolder(tmp_path)
    folder.config_file.write_text("{}")
    folder.manifest_file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=r"manifest\.json"):
        open_run(tmp_path).read_manifest()


def test_json_and_metrics_of_gigabytes_are_not_read(tmp_path):
    folder = RunFolder(tmp_path)
    with folder.manifest_file.open("wb") as file:
        file.truncate(3 * 2**30)
    shutil.move(folder.manifest_file, folder.metrics_file)
    folder.manifest_file.symlink_to(folder.metrics_file)
    for read in (folder.read_manifest, folder.read_metrics):
        with memory_below(20), pytest.raises(UserError, match="larger than 67,108,864 bytes"):
            read()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("image_size", 10**9),
        ("image_size", "64"),
        ("image_size", -1),
        ("image_size", None),
        ("class_names", "letter"),
        ("class_names", []),
        ("class_names", ["a", "a"]),
        ("class_names", [1, 2]),
        ("class_targets", ["0"]),
        ("norm_std", [0, 0, 0]),
        ("norm_std", [1, 1]),
        ("norm_mean", ["x", 1, 1]),
        ("norm_mean", [float("nan")] * 3),
        ("tta_views", []),
        ("tta_views", 3),
        ("head_hidden", 10**12),
        ("drop_rate", 7),
        ("model_name", ["x"]),
        ("activation", 3),
        ("orientation", None),
        ("pickle", "x"),
    ],
)
def test_cards_that_cannot_be(key, value, tmp_path):
    card = ModelCard("test_efficientnet.r160_in1k", ("a", "b"), ("0", "1"), 64, (0.5,) * 3, (0.5,) * 3)
    values = {**json.loads(json.dumps(card.to_dict())), key: value}
    with pytest.raises(UserError, match="not a model card") as caught:
        ModelCard.from_dict(values, "model.json")
    assert any(problem.startswith(key) for problem in caught.value.problems) or key == "class_names"
    assert ModelCard.from_dict(json.loads(json.dumps(card.to_dict())), "model.json") == card


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b'"', b"a,b\n1,2\n", b"PAR1", b"PAR1" + b"\xff" * 99 + b"PAR1"])
def test_tables_of_a_run_that_are_none(data, tmp_path):
    folder = RunFolder(tmp_path)
    for file, read in (
        (folder.metrics_file, folder.read_metrics),
        (folder.val_predictions_file, lambda: folder.read_predictions(folder.val_predictions_file)),
    ):
        file.write_bytes(data)
        with pytest.raises(UserError, match=file.name):
            read()


def test_predictions_of_kilobytes_that_unpack_to_gigabytes(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path)
    folder.write_table(folder.val_predictions_file, pd.DataFrame({"p_0": np.zeros(2_000_000)}))
    assert folder.val_predictions_file.stat().st_size < 100_000
    assert len(folder.read_predictions(folder.val_predictions_file)) == 2_000_000, "this much is usual"
    monkeypatch.setattr(run_folder, "MAX_TABLE_BYTES", 4_000_000)  # what is refused at 4 GB would take the test long
    with memory_below(20), pytest.raises(UserError, match="unpacks to more than 4,000,000 bytes"):
        folder.read_predictions(folder.val_predictions_file)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_fifos_named_as_files_of_a_run(run):
    """None of them may be waited for: a test that hangs has failed."""
    readers = {
        run.config_file: run.read_config,
        run.manifest_file: run.read_manifest,
        run.metrics_file: run.read_metrics,
        run.val_predictions_file: lambda: run.read_predictions(run.val_predictions_file),
        run.model_file: lambda: run.read_json(run.model_file),
        run.weights_file: lambda: read_weights(run.weights_file),
        run.state_file: lambda: read_state(run),
    }
    for file, read in readers.items():
        file.unlink(missing_ok=True)
        os.mkfifo(file)
        with pytest.raises(UserError, match=file.name):
            read()


def test_values_of_other_kinds_end_in_words_of_ours(run):
    for key, value in (("data", 3), ("started", 7)):
        before = run.manifest_file.read_text()
        edit(run.manifest_file, **{key: value})
        with suppress(UserError):
            report(run.path, quiet=True)
        run.manifest_file.write_text(before)
