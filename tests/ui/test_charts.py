"""Line charts: every finite value is drawn, and nothing lies outside of the picture."""

from __future__ import annotations

import math
import re

from munseo._ui.charts import HEIGHT, WIDTH, Series, line_chart


def test_a_chart_has_a_line_for_each_series_with_values():
    series = [Series("train", [0.5, 0.7, 0.9]), Series("<val>", [math.nan, 0.6, 0.8], 1), Series("none", [math.nan])]
    chart = str(line_chart("Macro-F1", series, "epoch"))
    lines = re.findall(r'<polyline class="(tone\d)" points="([^"]+)"', chart)
    assert [tone for tone, _ in lines] == ["tone0", "tone1"]
    assert [len(points.split()) for _, points in lines] == [3, 2]
    assert "&lt;val&gt;" in chart
    assert "none" not in chart
    assert line_chart("Loss", [Series("train", [])], "epoch") == ""


def test_everything_is_inside_the_picture():
    for values in ([9.8e-05, 1e-04], [0.0, 0.0], [-3.0, 1e6], [1.00005, 1.00006]):
        series = [Series(f"line {n}", values, n) for n in range(6)]
        chart = str(line_chart("x", series, "epoch"))
        for x, y in re.findall(r'<text[^>]* x="([\d.]+)" y="([\d.]+)"', chart):
            assert 0 <= float(x) <= WIDTH
            assert 0 <= float(y) <= HEIGHT
        # A letter of a 12 px font is at most 7 px wide.
        for x, text in re.findall(r'<text class="tick y" x="([\d.]+)"[^>]*>([^<]+)', chart):
            assert 7 * len(text) <= float(x) + 7
