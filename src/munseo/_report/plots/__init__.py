"""The pictures of a run folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from munseo._locale import Texts
from munseo._report.facts import Facts, gather
from munseo._report.number_formats import percent
from munseo._report.plots.calibration_plot import calibration_plot
from munseo._report.plots.confusion_plot import confusion_plot
from munseo._report.plots.contact_sheet import read_picture, save_sheet
from munseo._report.plots.curve_plots import loss_plot, metric_plot
from munseo._report.plots.plot_style import DARK, LIGHT, Theme
from munseo._report.plots.robustness_plot import robustness_plot
from munseo._report.plots.views_plot import views_plot
from munseo._run import RunFolder
from munseo._run.atomic import replacing

__all__ = [
    "CALIBRATION",
    "CONFUSION",
    "CURVES",
    "DARK",
    "LIGHT",
    "MISCLASSIFIED",
    "ROBUSTNESS",
    "VIEWS",
    "calibration_plot",
    "confusion_plot",
    "curve_plot",
    "draw_plots",
    "plots_of",
    "robustness_plot",
    "save_sheet",
    "views_plot",
]

CURVES = ("loss_plot.png", "accuracy_plot.png", "f1_plot.png")
CONFUSION, MISCLASSIFIED = "val_confusion_matrix.png", "misclassified.png"
ROBUSTNESS, CALIBRATION, VIEWS = "robustness.png", "calibration.png", "views.png"


def draw_plots(run: RunFolder) -> list[Path]:
    """Draw the plots of the course, the classes, damaged pages, confidence and views, and the misclassified pages.

    They speak the language of the configuration. What the run has no figures or pages for is not drawn.

    Returns:
        The files that were written.
    """
    facts = gather(run)
    say = Texts(facts.config.language, "report")
    files = []
    for name, draw in plots_of(facts).items():
        files.append(run.path / name)
        with replacing(files[-1]) as beside:
            beside.write_bytes(draw(say, LIGHT))
    if facts.gallery:
        files.append(run.path / MISCLASSIFIED)
        _draw_misclassified(facts, say, files[-1])
    return files


def plots_of(facts: Facts) -> dict[str, Callable[[Texts, Theme], bytes]]:
    """The plots that the run has figures for, by their file names, each as what draws it."""
    plots: dict[str, Callable[[Texts, Theme], bytes]] = {}
    if facts.curves:
        plots |= {name: partial(curve_plot, facts, name) for name in CURVES}
    if facts.judgement:
        plots[CONFUSION] = partial(confusion_plot, facts.judgement)
    if facts.robustness:
        plots[ROBUSTNESS] = partial(robustness_plot, facts.robustness)
    if facts.calibration and facts.calibration.drawable:
        plots[CALIBRATION] = partial(calibration_plot, facts.calibration)
    if facts.views:
        plots[VIEWS] = partial(views_plot, facts.views)
    return plots


def curve_plot(facts: Facts, name: str, say: Texts, theme: Theme) -> bytes:
    """One of the ``CURVES`` by its file name, as PNG."""
    if name == "loss_plot.png":
        return loss_plot(facts, say, theme)
    return metric_plot(facts, {"accuracy_plot.png": "accuracy", "f1_plot.png": "macro_f1"}[name], say, theme)


def _draw_misclassified(facts: Facts, say: Texts, path: Path) -> None:
    images, captions = [], []
    for mistake in facts.gallery:
        images.append(np.asarray(read_picture(mistake.file)))
        pair = say("arrow", true=mistake.true, predicted=mistake.predicted)
        captions.append(f"{pair}\n{percent(mistake.confidence, 0)}")
    save_sheet(path, images, captions, title=say("plot.misclassified"))
