"""What validation did not measure is measured by ``munseo evaluate``, and then promised and expected as usual."""

import json
import re
import shlex
import shutil

import numpy as np
import pytest

from munseo import UserError, evaluate, predict
from munseo._commands.app import main
from munseo._data import load_pages
from munseo._evaluation.held_out import held_out, validated_pipeline
from munseo._evaluation.metrics import macro_f1
from munseo._prediction import PredictOptions, Predictor
from munseo._prediction.decision import NoThresholdError
from munseo._run import open_run


@pytest.fixture
def run(finished, tmp_path):
    return open_run(shutil.copytree(finished.path, tmp_path / "run"))


def test_other_views_are_measured_as_they_predict(run, documents, tmp_path):
    by_views = held_out(run, Predictor.load(run, PredictOptions(tta=True)).pipeline)
    assert by_views.clean is None, "only the damaged pages of one draw are known by single views"
    measured = evaluate(run.path, tta=True, quiet=True)
    predictor = Predictor.load(run, PredictOptions(tta=True))
    held = held_out(run, predictor.pipeline)
    known = {page.id: page for page in load_pages(documents).train}
    assert np.array_equal(held.clean, predictor.predict([known[page] for page in held.ids]).final)
    places = [held.ids.index(page) for page in by_views.ids]
    assert np.allclose(held.shifted[0][places], by_views.shifted[0], atol=1e-6), "draw 0 is known both ways"
    assert len(held.shifted) == run.read_config().shifted_draws
    assert measured["macro_f1"] == macro_f1(held.labels, held.clean.argmax(1), 17)
    assert measured["shifted"]["num_pages"] == measured["num_pages"] == len(held.ids)
    assert predictor.temperature == held.temperature == pytest.approx(measured["temperature"])
    assert predictor.is_calibrated
    file = predict(run.path, [documents / "train"], tmp_path / "out.csv", tta=True, quiet=True)
    expected = json.loads(file.with_suffix(".expected.json").read_text(encoding="utf-8"))
    assert expected["clean_val"] == pytest.approx(measured["macro_f1"])


def test_the_own_validation_is_not_written_again(run):
    before = sorted(path for path in run.path.rglob("*"))
    result = evaluate(run.path, tta=False, quiet=True)
    assert "pipeline" not in result, "the unchanged page is what this run validated with"
    assert sorted(path for path in run.path.rglob("*")) == before


def test_a_second_look_is_measured_with_the_rules_of_other_pages(run):
    measured = evaluate(run.path, second_look=True, quiet=True)
    predictor = Predictor.load(run, PredictOptions(second_look=True))
    held, first = held_out(run, predictor.pipeline), held_out(run, validated_pipeline(run))
    assert predictor.temperature == pytest.approx(measured["temperature"])
    places = [held.ids.index(page) for page in first.ids]
    changed = (held.clean[places] != first.clean).any(axis=1)
    assert 0 < changed.sum() < len(changed)


def test_the_mean_of_the_folds_is_measured_on_the_pages_that_no_fold_used(kfold_run, tmp_path):
    run = open_run(shutil.copytree(kfold_run.path, tmp_path / "run"))
    evaluate(run.path, tta=True, quiet=True)
    predictor = Predictor.load(run, PredictOptions(tta=True))
    held, first = held_out(run, predictor.pipeline), held_out(run, validated_pipeline(run))
    assert set(held.ids) == set(first.ids)
    assert held.clean is not None
    assert predictor.is_calibrated


def test_the_refusal_names_the_command_that_helps(own_exports, monkeypatch):
    options = PredictOptions(backend="onnx-int8", tta=True, target_precision=0.01)
    with pytest.raises(UserError, match="holds no validation predictions of the pipeline") as refused:
        Predictor.load(own_exports, options)
    words = shlex.split(re.search(r"Measure it with `([^`]+)`", refused.value.message)[1])
    assert words[:2] == ["munseo", "evaluate"]
    assert words[3:] == ["--tta", "--backend", "onnx-int8"]
    monkeypatch.setattr("sys.argv", [*words, "--quiet"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert Predictor.load(own_exports, PredictOptions(backend="onnx-int8", tta=True)).is_calibrated
    with pytest.raises(NoThresholdError, match=r"cannot be promised from \d+ validation pages"):
        Predictor.load(own_exports, options)  # so small a model is right too rarely, which is known now
