"""The groups of validation pages: pages of one sender, and copies of one page, are one piece of evidence, not several.

Intervals, comparisons and thresholds therefore resample or count groups. A run writes the group of each page into
``pages.parquet``, from ``group_column`` and from the copies that its split kept together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from munseo._data.page_groups import join_groups, links_of_keys
from munseo._run import RunFolder
from munseo._run.run_folder import damaged_table

PARTS = ("train", "val", "held_out")
"""Parts of ``pages.parquet`` whose pages validate: in folds, train pages do so too."""


def page_groups(run: RunFolder, ids: Sequence[str]) -> np.ndarray:
    """Return the number of the group of each page, int (N,), 0 to G - 1 in the order of first appearance.

    The draws of a page repeat its ID and have its group. A page that the run's ``pages.parquet`` does not name is its
    own group, and so is every page of runs of earlier versions, which did not record groups. Pages that any member of
    an ensemble has in one group are in one group.

    Args:
        run: A run, a k-fold run, a fold or an ensemble.
        ids: IDs of validation pages, as its tables of predictions have them.

    Raises:
        UserError: ``pages.parquet`` is damaged.
    """
    return common_groups(run.members or [run], ids)


def common_groups(runs: Sequence[RunFolder], ids: Sequence[str]) -> np.ndarray:
    """Return ``page_groups`` for pages that validated several runs: linked in one run means linked."""
    pages, rows = np.unique(np.asarray(ids, dtype=object).astype(str), return_inverse=True)
    links = [link for run in runs for link in _links(run, pages)]
    return np.asarray(pd.factorize(join_groups(len(pages), links)[rows])[0], dtype=np.int64)


def _links(run: RunFolder, pages: np.ndarray) -> list[tuple[int, int]]:
    """Return pairs of indices of pages (distinct IDs) that the run has in one group."""
    if not run.pages_file.is_file():
        return []
    table = run.read_predictions(run.pages_file)
    if "group" not in table:
        return []
    try:
        known = table[table["part"].isin(PARTS) & table["group"].notna()].sort_values("part", kind="stable")
        # Where a fixed validation page has the ID of a train page, the later row counts, which is its own.
        numbers = dict(zip(known["ID"].astype(str), known["group"].astype(np.int64), strict=True))
    except (ValueError, TypeError, KeyError) as error:
        raise damaged_table(run.pages_file, error) from None
    return links_of_keys([numbers.get(page) for page in pages.tolist()])
