"""Results at their limits: all scores equal, 0 or 1, one class, page or epoch. Every report and plot is still made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_run import ENGLISH, NAME, put, write_run
from fake_shift import add_shift

from munseo import _report as reports
from munseo._report.blocks import Estimate, Interval, Intervals
from munseo._report.html import scale, scales
from munseo._run import RunFolder
from munseo._ui.charts import Series, line_chart

KEPT = {"ratio", "temperature", "severity", "severities", "share", "num_pages", "support"}
"""Numbers that are no scores."""


def with_scores(entry: Any, value: float) -> Any:
    """Replace every score by one value."""
    if isinstance(entry, dict):
        return {key: inner if key in KEPT else with_scores(inner, value) for key, inner in entry.items()}
    if isinstance(entry, list):
        return [with_scores(inner, value) for inner in entry]
    return value if isinstance(entry, float) and 0 <= entry <= 1 else entry


@pytest.mark.parametrize("value", [0.0, 1.0, 0.5])
@pytest.mark.parametrize("num_epochs", [1, 3])
def test_all_scores_are_equal(tmp_path, english_run: RunFolder, value, num_epochs):
    run = add_shift(english_run, tmp_path / "shifted" / NAME)
    put(run.results_file, with_scores(json.loads(run.results_file.read_text(encoding="utf-8")), value))
    metrics = run.read_metrics().head(num_epochs)
    scores = [name for name in metrics if name.endswith(("accuracy", "macro_f1", "loss"))]
    run.write_table(run.metrics_file, metrics.assign(**dict.fromkeys(scores, value)))
    everything_is_made(run)


@pytest.mark.parametrize("confusion", [[[1]], [[9]], [[3, 0], [0, 0]], [[0, 3], [3, 0]], [[1, 0], [0, 1]]])
def test_one_class_or_one_page(tmp_path: Path, monkeypatch, confusion):
    names = ENGLISH[: len(confusion)]
    monkeypatch.setattr("fake_run.make_confusion", lambda num_classes: np.array(confusion))
    run = write_run(tmp_path / "runs" / NAME, names)
    everything_is_made(run)


def everything_is_made(run: RunFolder) -> None:
    assert reports.draw_plots(run)
    written = reports.write_report(run)
    for file in written:
        text = file.read_text(encoding="utf-8")
        assert not {"nan", "inf", "NaN", "Infinity"} & set(text.replace("%", " ").replace(";", " ").split()), file


@pytest.mark.parametrize("value", [0.0, 0.3, 0.7, 0.95, 0.999, 1.0])
def test_the_axis_of_equal_scores_has_a_length(value):
    """The axis began at the lowest score, so that one from 1 to 1 had none."""
    rows = (Estimate("clean", value, None, "val"), Estimate("shifted", value, (value, value), "shifted"))
    shown = [scale(Interval(value, value, value, "clean")), scales(Intervals("scores", rows))]
    for entry in shown:
        ticks = [position for _, position in entry["ticks"]]
        assert ticks[0] == 0
        assert ticks[-1] == 100
        assert sorted(set(ticks)) == ticks
    positions = [shown[0]["value"], *(row["value"] for row in shown[1]["rows"])]
    assert all(0 <= position <= 100 for position in positions)


@pytest.mark.parametrize("values", [[0.0], [1.0], [0.5, 0.5], [1e-12, 1e-12], [0.0, 1e9], [-1.0, -1.0]])
def test_a_chart_of_equal_values_has_a_height(values):
    chart = line_chart("loss", [Series("train", values), Series("val", [float("nan")] * len(values))], "epoch")
    assert "nan" not in chart
    assert chart.count("<polyline") + chart.count("<path") == 1
