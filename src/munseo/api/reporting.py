"""``munseo report``, ``munseo score``, ``munseo runs``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from munseo import _report as reports
from munseo._console import quietly
from munseo._errors import UserError
from munseo._report.leaderboard import COLUMNS
from munseo._run import open_run


def report(run: Path | str, lang: str = "en", *, quiet: bool = False) -> Path:
    """Draw the plots and write the report again, in both languages, from the run folder alone.

    Returns:
        The HTML file of the language asked for.
    """
    names = {"en": "report.html", "ko": "report.ko.html"}
    if lang not in names:
        raise UserError(f"lang: {lang!r} is not allowed; should be en or ko.")
    with quietly(quiet):
        folder = open_run(run)
        reports.draw_plots(folder)
        reports.write_report(folder)
    return folder.path / names[lang]


def score(
    run: Path | str, public: float | None = None, private: float | None = None, *, quiet: bool = False
) -> dict[str, Any]:
    """Record the server's score of a run's submission and write the report again.

    Returns:
        All recorded scores, with ``generalisation``: public score / validation macro-F1.
    """
    if public is None and private is None:
        raise UserError("score: give --public, --private, or both, such as --public 0.8619.")
    with quietly(quiet):
        folder = open_run(run)
        scores = reports.record_score(folder, public, private)
        reports.write_report(folder)
    return scores


def runs(folder: Path | str = "runs", sort: str = "val_macro_f1") -> pd.DataFrame:
    """The leaderboard of a folder of runs, best first.

    Raises:
        UserError: There is no such folder or column.
    """
    table = reports.leaderboard(Path(folder))
    if sort not in table.columns:
        raise UserError(f"sort: no column {sort!r}; the columns are {', '.join(map(str, table.columns))}.")
    ascending = not COLUMNS[sort].largest_first
    return table.sort_values(sort, ascending=ascending, na_position="last", ignore_index=True)
