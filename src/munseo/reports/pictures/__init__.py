"""The pictures of a run folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from munseo.reports.facts import Facts, gather
from munseo.reports.formats import percent
from munseo.reports.phrases import Phrases
from munseo.reports.pictures.confusion import confusion_plot
from munseo.reports.pictures.curves import loss_plot, metric_plot
from munseo.reports.pictures.reading import read_picture
from munseo.reports.pictures.sheet import save_sheet
from munseo.reports.pictures.style import DARK, LIGHT, Theme
from munseo.run import RunFolder
from munseo.run.atomic import replacing

__all__ = [
    "CONFUSION",
    "CURVES",
    "DARK",
    "LIGHT",
    "MISCLASSIFIED",
    "confusion_plot",
    "curve_plot",
    "draw_plots",
    "save_sheet",
]

CURVES = ("loss_plot.png", "accuracy_plot.png", "f1_plot.png")
CONFUSION, MISCLASSIFIED = "val_confusion_matrix.png", "misclassified.png"


def draw_plots(run: RunFolder) -> list[Path]:
    """Draw the plots of loss, accuracy and F1, the confusion matrix, and the sheet of misclassified pages.

    They speak the language of the configuration. What the run has no figures or pages for is not drawn.

    Returns:
        The files that were written.
    """
    facts = gather(run)
    say = Phrases(facts.config.language)
    pictures = {name: curve_plot(facts, name, say, LIGHT) for name in CURVES} if facts.curves else {}
    if facts.judgement:
        pictures[CONFUSION] = confusion_plot(facts.judgement, say, LIGHT)
    for name, content in pictures.items():
        with replacing(run.path / name) as beside:
            beside.write_bytes(content)
    files = [run.path / name for name in pictures]
    if facts.gallery:
        files.append(run.path / MISCLASSIFIED)
        _draw_misclassified(facts, say, files[-1])
    return files


def curve_plot(facts: Facts, name: str, say: Phrases, theme: Theme) -> bytes:
    """One of the ``CURVES`` by its file name, as PNG."""
    if name == "loss_plot.png":
        return loss_plot(facts, say, theme)
    return metric_plot(facts, {"accuracy_plot.png": "accuracy", "f1_plot.png": "macro_f1"}[name], say, theme)


def _draw_misclassified(facts: Facts, say: Phrases, path: Path) -> None:
    images, captions = [], []
    for mistake in facts.gallery:
        images.append(np.asarray(read_picture(mistake.file)))
        pair = say("arrow", true=mistake.true, predicted=mistake.predicted)
        captions.append(f"{pair}\n{percent(mistake.confidence, 0)}")
    save_sheet(path, images, captions, title=say("plot.misclassified"))
