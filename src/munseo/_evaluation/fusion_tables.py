"""The tables of a run with words: what image and words say about each validation page, and what the fusion makes of it.

``image_predictions.parquet`` and ``text_predictions.parquet`` have each page as it is (draw -1) and in each draw of
the recipe. ``val_predictions.parquet`` and ``shifted_predictions.parquet`` have what predicts, so that whatever is
measured on a run (temperature, thresholds, expected score) is measured on that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from munseo._evaluation.comparison import class_differences
from munseo._evaluation.fusion import LEVEL, QUALITIES, BothSides, FusionJudgement
from munseo._evaluation.held_out import arrays, num_probabilities
from munseo._evaluation.held_out_groups import page_groups
from munseo._evaluation.metrics import macro_f1, probability_columns
from munseo._run import RunFolder
from munseo._run.text_scores import ChangedPage, ClassTextDifference, TextDifference

CLEAN = -1
"""The draw of the pages as they are."""
MOST_CHANGED = 24
"""Most pages that are listed of those that words made right, and of those that they made wrong."""


def table_of_draws(ids: Sequence[str], labels: np.ndarray, rows: np.ndarray) -> pd.DataFrame:
    """Return a table of probabilities (R, N, K): clean pages, then those of each draw."""
    tables = []
    for draw, probabilities in enumerate(rows, CLEAN):
        table = pd.DataFrame(probabilities, columns=probability_columns(rows.shape[2]))
        table.insert(0, "draw", draw)
        table.insert(0, "target", pd.Series(labels, dtype="Int64"))
        table.insert(0, "ID", list(ids))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def write_sides(run: RunFolder, ids: Sequence[str], sides: BothSides) -> None:
    """Write what image and words say, and how the pages were read."""
    run.write_table(run.image_predictions_file, table_of_draws(ids, sides.labels, sides.image))
    table = table_of_draws(ids, sides.labels, sides.text)
    for number, name in enumerate(QUALITIES):
        table[name] = sides.qualities[..., number].ravel()
    run.write_table(run.text_predictions_file, table)


def read_sides(run: RunFolder) -> tuple[tuple[str, ...], BothSides]:
    """Read the IDs of the validation pages, and what image and words say about them.

    Raises:
        UserError: A table is missing or damaged.
    """
    image, text = (run.read_predictions(file) for file in (run.image_predictions_file, run.text_predictions_file))
    ids = tuple(image.loc[image["draw"] == CLEAN, "ID"])
    num_classes = num_probabilities(image)
    shape = (len(image) // max(len(ids), 1), len(ids))
    labels, image_rows = arrays(image, num_classes)
    return ids, BothSides(
        labels[: len(ids)],
        page_groups(run, ids),
        image_rows.reshape(*shape, num_classes),
        arrays(text, num_classes)[1].reshape(*shape, num_classes),
        text[list(QUALITIES)].to_numpy(np.float64).reshape(*shape, len(QUALITIES)),
    )


def write_fused(run: RunFolder, ids: Sequence[str], labels: np.ndarray, fused: np.ndarray) -> None:
    """Write fused probabilities (R, N, K) as the predictions of the run."""
    table = table_of_draws(ids, labels, fused)
    if len(fused) > 1:
        run.write_table(run.shifted_predictions_file, _of_draws(table, table["draw"] > CLEAN))
    run.write_table(run.val_predictions_file, _of_draws(table, table["draw"] == CLEAN).drop(columns="draw"))


def _of_draws(table: pd.DataFrame, chosen: pd.Series) -> pd.DataFrame:
    kept = table[chosen].reset_index(drop=True)
    return kept[[*(name for name in kept if name != "draw"), "draw"]]


def text_differences(sides: BothSides, judgement: FusionJudgement) -> dict[str, TextDifference]:
    """Return what the fusion adds: ``val``, and ``shifted`` where there are damaged pages."""
    spans = {"val": slice(0, 1), "shifted": slice(1, None)}
    return {
        name: TextDifference(
            image=_macro_f1(sides, sides.image, spans[name]),
            text=_text_alone(sides, spans[name]),
            fused=_macro_f1(sides, judgement.fused, spans[name]),
            value=difference.value,
            interval=(difference.low, difference.high),
        )
        for name, difference in judgement.differences.items()
    }


def _macro_f1(sides: BothSides, rows: np.ndarray, span: slice) -> float:
    predicted = rows[span].argmax(axis=2)
    return macro_f1(np.tile(sides.labels, len(predicted)), predicted.ravel(), rows.shape[2])


def _text_alone(sides: BothSides, span: slice) -> float | None:
    read = sides.has_words[span]
    labels = np.broadcast_to(sides.labels, read.shape)[read]
    predicted = sides.text[span].argmax(axis=2)[read]
    return macro_f1(labels, predicted, sides.text.shape[2]) if len(labels) else None


def text_by_class(
    sides: BothSides, judgement: FusionJudgement, class_names: Sequence[str]
) -> tuple[ClassTextDifference, ...]:
    """Return what the fusion adds to the F1 of each class, on the pages that decided."""
    span = slice(1, None) if judgement.decided_on == "shifted" else slice(0, 1)
    count = len(sides.image[span])
    found = class_differences(
        np.tile(sides.labels, count),
        judgement.fused[span].argmax(axis=2).ravel(),
        sides.image[span].argmax(axis=2).ravel(),
        len(class_names),
        level=LEVEL,
        groups=np.tile(sides.groups, count),
    )
    return tuple(
        ClassTextDifference(name=name, image=one.second, fused=one.first, value=one.value, interval=(one.low, one.high))
        for name, one in zip(class_names, found, strict=True)
    )


def changed_pages(
    ids: Sequence[str], sides: BothSides, judgement: FusionJudgement, class_names: Sequence[str]
) -> tuple[list[ChangedPage], list[ChangedPage]]:
    """Return the clean pages that words made right, and those that they made wrong, the surest change first."""
    before, after = sides.image[0].argmax(axis=1), judgement.fused[0].argmax(axis=1)
    sure = judgement.fused[0].max(axis=1)
    counts = np.expm1(sides.qualities[0, :, 0])
    better: list[ChangedPage] = []
    worse: list[ChangedPage] = []
    for index in np.argsort(-sure, kind="stable").tolist():
        was, now = before[index] == sides.labels[index], after[index] == sides.labels[index]
        if was != now:
            names = (class_names[sides.labels[index]], class_names[before[index]], class_names[after[index]])
            page = ChangedPage(
                id=ids[index], true=names[0], image=names[1], fused=names[2], num_words=round(float(counts[index]))
            )
            (better if now else worse).append(page)
    return better, worse
