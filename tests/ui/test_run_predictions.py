"""Held-out predictions by damage: addresses have two digits, and the tables are read with the exact severity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from munseo._run import RunFolder
from munseo._run.atomic import write_json
from munseo._ui.run_predictions import CLEAN, PageDamage, PageFilter, RunPredictions
from munseo._ui.site import Site

IDS = ["a.jpg", "b.jpg", "c.jpg"]


def table(confidence: float) -> pd.DataFrame:
    """Three pages of class 0, 1 and none, all predicted as class 0."""
    frame = pd.DataFrame({"ID": IDS, "target": pd.array([0, 1, None], dtype="Int64")})
    return frame.assign(p_0=np.float32(confidence), p_1=np.float32(1 - confidence))


@pytest.fixture
def predictions(tmp_path: Path) -> RunPredictions:
    run = RunFolder(tmp_path / "runs" / "run")
    run.path.mkdir(parents=True)
    write_json(run.model_file, {"model_name": "x", "class_names": ["letter", "form"], "class_targets": ["0", "1"],
                                "image_size": 32, "norm_mean": [0.5] * 3, "norm_std": [0.5] * 3})  # fmt: skip
    write_json(run.results_file, {"calibration": {"temperature": 1.0}})
    run.write_table(run.val_predictions_file, table(0.9))
    run.write_table(run.shifted_predictions_file, pd.concat([table(0.8).assign(draw=0), table(0.7).assign(draw=1)]))
    damaged = [table(0.6).assign(damage="stain", severity=1 / 3), table(0.55).assign(damage="stain", severity=2 / 3)]
    run.write_table(run.damage_predictions_file, pd.concat(damaged))
    return RunPredictions(Site(run.path.parent, None, None, tmp_path / "review.csv"), run)


def test_every_damage_has_a_key_and_its_exact_severity(predictions):
    assert list(predictions.damages) == ["clean", "recipe:0", "recipe:1", "stain:0.33", "stain:0.67"]
    assert predictions.damages["stain:0.33"] == PageDamage("stain", severity=1 / 3)
    assert predictions.damages["recipe:1"] == PageDamage("recipe", draw=1)


@pytest.mark.parametrize(
    ("key", "confidence"),
    [("clean", 0.9), ("recipe:0", 0.8), ("recipe:1", 0.7), ("stain:0.33", 0.6), ("stain:0.67", 0.55)],
)
def test_pages_under_a_damage(predictions, key, confidence):
    damage = predictions.damages[key]
    pages = predictions.pages(damage)
    assert [page.id for page in pages] == IDS
    assert [page.true for page in pages] == [0, 1, -1]
    assert predictions.page("b.jpg", damage).confidence == pytest.approx(confidence)
    assert predictions.page("d.jpg", damage) is None


def test_mistakes_come_first(predictions):
    assert [page.id for page in predictions.matching(CLEAN, PageFilter())] == ["b.jpg", "c.jpg", "a.jpg"]
    assert [page.id for page in predictions.matching(CLEAN, PageFilter(wrong=True))] == ["b.jpg", "c.jpg"]
    assert [page.id for page in predictions.matching(CLEAN, PageFilter(true=0))] == ["a.jpg"]
    assert predictions.matching(CLEAN, PageFilter(predicted=1)) == []
    assert predictions.matching(CLEAN, PageFilter(least=0.95)) == []
