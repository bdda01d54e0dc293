"""Thresholds: which pages need a person, and promises that validation can keep."""

import shutil

import numpy as np
import pandas as pd
import pytest

from munseo import UserError, predict
from munseo._evaluation.held_out import held_out
from munseo._prediction import PredictOptions, Predictor
from munseo._prediction.decision import NoThresholdError


def test_a_threshold_parts_pages_for_people_from_the_rest(finished, documents, tmp_path):
    plain = pd.read_csv(predict(finished.path, [documents / "train"], tmp_path / "a.csv", proba=True, quiet=True))
    shares = plain.filter(regex="^p_").to_numpy()
    middle = float(np.median(shares.max(axis=1)))
    file = predict(finished.path, [documents / "train"], tmp_path / "b.csv", abstain_below=middle, quiet=True)
    table = pd.read_csv(file)
    columns = ["ID", "source", "target", "class_name", "confidence", "needs_person", "error"]
    assert list(table.columns) == columns
    assert table["target"].tolist() == plain["target"].tolist(), "a person is asked, and the answer stays"
    assert np.allclose(table["confidence"], shares.max(axis=1), atol=1e-6)
    clear = abs(table["confidence"] - middle) > 1e-5
    assert (table["needs_person"].eq("yes") == (table["confidence"] < middle))[clear].all()


def test_promises_that_cannot_be_kept_are_not_made(finished, documents, tmp_path):
    out = tmp_path / "out.csv"
    with pytest.raises(UserError, match="cannot be promised"):
        predict(finished.path, [documents / "train"], out, target_precision=0.99, quiet=True)
    with pytest.raises(UserError, match="choose one"):
        predict(finished.path, [documents / "train"], out, target_precision=0.9, abstain_below=0.5, quiet=True)
    with pytest.raises(UserError, match="from 0 to 1"):
        predict(finished.path, [documents / "train"], out, abstain_below=50, quiet=True)
    assert not out.exists()
    with pytest.raises(NoThresholdError):
        Predictor.load(finished, PredictOptions(target_precision=0.99))


def test_a_threshold_comes_from_the_views_that_predict(finished):
    plain, views = (Predictor.load(finished, PredictOptions(tta=tta)) for tta in (False, True))
    assert plain.pipeline != views.pipeline
    assert plain.temperature != views.temperature
    confidence = views.calibrated(held_out(finished, views.pipeline).rows[1]).max(axis=1)
    middle = float(np.median(confidence))
    threshold = Predictor.load(finished, PredictOptions(tta=True, abstain_below=middle)).threshold
    assert threshold.coverage == pytest.approx((confidence >= middle).mean())
    assert threshold.coverage != Predictor.load(finished, PredictOptions(abstain_below=middle)).threshold.coverage


def test_eight_bits_have_their_own_confidence(exports):
    torch_run, eight = (Predictor.load(exports, PredictOptions(backend=name)) for name in ("torch", "onnx-int8"))
    held, known = held_out(exports, eight.pipeline), held_out(exports, torch_run.pipeline)
    assert held.ids == known.ids
    assert held.shifted.shape == known.shifted.shape
    assert abs(held.shifted - known.shifted).max() > 0, "eight bits predict otherwise"
    assert eight.temperature == pytest.approx(held.temperature)
    assert eight.temperature != torch_run.temperature
    full = Predictor.load(exports, PredictOptions(backend="onnx"))
    assert (full.pipeline, full.temperature) == (torch_run.pipeline, torch_run.temperature), "it passed the comparison"


def test_what_was_not_measured_is_refused_or_said(own_exports, documents, tmp_path, capsys):
    """An export of an earlier version, and options that it was not measured with."""
    with pytest.raises(UserError, match=r"eight bits by openvino-int8.*Measure it with `munseo evaluate"):
        Predictor.load(own_exports, PredictOptions(backend="openvino-int8", tta=True, target_precision=0.5))
    shutil.rmtree(own_exports.export_dir("onnx-int8") / "measured")
    with pytest.raises(UserError, match="holds no validation predictions of the pipeline"):
        Predictor.load(own_exports, PredictOptions(backend="onnx-int8", target_precision=0.5))
    capsys.readouterr()
    file = predict(own_exports.path, [documents / "train"], tmp_path / "a.csv", backend="onnx-int8", abstain_below=0.1)
    said = capsys.readouterr().err
    assert "confidence: not calibrated" in said
    assert "Validation did not measure" in said
    assert not file.with_suffix(".expected.json").exists()
    predictor = Predictor.load(own_exports, PredictOptions(backend="onnx-int8"))
    assert (predictor.temperature, predictor.is_calibrated) == (1, False)
