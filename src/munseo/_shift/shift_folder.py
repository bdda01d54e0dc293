"""The files of a measured shift: the recipe, the comparison, and the measures of every page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from munseo._run.atomic import write_text
from munseo._shift.distributions import MeasureTable, as_frame
from munseo._shift.measured_shift import MeasuredShift
from munseo._shift.recipe_file import Origin, recipe_text
from munseo._spreadsheet import inert_table


def write_shift(folder: Path, shift: MeasuredShift, summary: Sequence[str], data_name: str, image_size: int) -> None:
    """Write ``recipe.yaml``, ``comparison.csv`` (one row for each measure) and ``shift.csv`` (one row for each page).

    Args:
        folder: Where they go; it is made if necessary.
        shift: What was measured.
        summary: The same in a few sentences, for the head of the recipe.
        data_name: Name of the data folder.
        image_size: Side of the square that the pages were measured at, px.
    """
    folder.mkdir(parents=True, exist_ok=True)
    origin = Origin(
        data=data_name,
        num_train=len(shift.train_ids),
        num_test=len(shift.test_ids),
        image_size=image_size,
        turned=shift.turned,
        mirrored=shift.mirrored,
    )
    write_text(folder / "recipe.yaml", recipe_text(shift.fit.recipe, shift.rows, origin, summary))
    write_text(folder / "comparison.csv", _csv(as_frame(shift.rows)))
    simulated = shift.fit.simulated
    pages = (
        _rows("train", shift.train_ids, shift.train),
        _rows("test", shift.test_ids, shift.test),
        _rows("simulated", [""] * len(simulated["skew"]), simulated),
    )
    write_text(folder / "shift.csv", _csv(inert_table(pd.concat(pages, ignore_index=True))))


def _csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, lineterminator="\n", float_format="%.6g")


def _rows(part: str, ids: Sequence[str], measures: MeasureTable) -> pd.DataFrame:
    return pd.DataFrame({"part": part, "ID": list(ids), **measures})
