"""The leaderboard: all runs of a folder in one table, whose columns are entries of ``COLUMNS``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import Any, cast

import pandas as pd
import yaml

from munseo._errors import UserError
from munseo._report.facts import Facts, gather
from munseo._run import RunFolder
from munseo._run.run_reference import is_run
from munseo._run.scores import Scores


@dataclass(frozen=True)
class Column:
    """A column of the leaderboard.

    Attributes:
        key: Name of the column in the table and in addresses; the text ``col.KEY`` is its title on the web page.
        number_format: How the web page writes a number, aligned to the right; empty for a column of words.
        largest_first: Whether the largest value is the best and comes first in a sorted table.
        position: Place on the web page from the left, columns of the same place in the order of the table; ``None``
            where the page does not show the column. Sorting works by any column.
        has_interval: Whether the columns ``KEY_low`` and ``KEY_high`` bound a 95% interval, which the web page writes
            under the value.
    """

    key: str
    read: Callable[[Facts], Any]
    number_format: str = ""
    largest_first: bool = True
    position: int | None = None
    has_interval: bool = False


def leaderboard(runs_dir: Path) -> pd.DataFrame:
    """Return one row for each run, the best validation macro-F1 first.

    A run that cannot be read is listed with the reason as its status. Other folders next to the runs, such as those of
    trackers, are left out.

    Returns:
        A table with ``COLUMNS``. ``epochs`` counts trained epochs; ``low`` and ``high`` bound the 95% interval;
        ``shifted`` scores are those of damaged validation pages and ``expected`` ones estimate the run's test pages;
        ``generalisation`` is the public score divided by validation macro-F1.

    Raises:
        UserError: There is no such folder.
    """
    if not runs_dir.is_dir():
        raise UserError(
            f"{runs_dir}: there is no such folder; `munseo train` makes it, or give the one your runs are in."
        )
    table = as_table([row(RunFolder(path)) for path in sorted(runs_dir.iterdir()) if is_run(path)])
    numeric = [column.key for column in COLUMNS.values() if column.number_format]
    table[numeric] = table[numeric].apply(pd.to_numeric)
    return table.sort_values("val_macro_f1", ascending=False, na_position="last", kind="stable", ignore_index=True)


def by_shifted_score(table: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with the best score on shifted pages first; then those without one, by their clean score."""
    keys = ["val_shifted_macro_f1", "val_macro_f1"]
    return table.sort_values(keys, ascending=False, na_position="last", ignore_index=True)


def as_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return rows as a table with every column, in the order of ``COLUMNS``."""
    return pd.DataFrame(rows, columns=list(COLUMNS))


def row(run: RunFolder) -> dict[str, Any]:
    """Return the values of one run by the keys of ``COLUMNS``; of an unreadable run, its name and the reason."""
    try:
        facts = gather(run)
        return {column.key: column.read(facts) for column in COLUMNS.values()}
    except (UserError, yaml.YAMLError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = error.message if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        return {"name": run.name, "status": f"unreadable: {' '.join(reason.split())}"}


def _started(facts: Facts) -> str | None:
    """Return day and minute in the time zone of the machine that ran it; runs sort by it as text."""
    started = facts.get("started")
    return datetime.fromisoformat(started).strftime("%Y-%m-%d %H:%M") if started else None


def _model(facts: Facts) -> str:
    return f"ensemble of {len(facts.results.ensemble.members)}" if facts.results.ensemble else facts.config.model_name


def _epochs(facts: Facts) -> int | None:
    epochs = [fold.course.epochs_done for fold in facts.folds if fold.course.epochs_done is not None]
    return max(epochs) if epochs else facts.course.epochs_done


def _minutes(facts: Facts) -> float | None:
    return None if facts.course.seconds is None else round(facts.course.seconds / 60, 1)


def _at(path: str) -> Callable[[Facts], Any]:
    """Read the value at a path of attributes; None where one of them is None."""
    return lambda facts: reduce(lambda value, name: getattr(value, name, None), path.split("."), cast("Any", facts))


def _bound(scores: Scores | None, end: int) -> float | None:
    return scores.macro_f1_interval[end] if scores and scores.macro_f1_interval else None


_SCORE = "{:.4f}"

_COLUMNS = (
    Column("name", _at("run.name"), largest_first=False, position=1),
    Column("started", _started, position=9),
    Column("model", _model, position=2),
    Column(
        "image_size", lambda facts: None if facts.results.ensemble else facts.config.image_size, "{:.0f}", position=3
    ),
    Column("epochs", _epochs, "{:.0f}"),
    Column("val_macro_f1", _at("results.val.macro_f1"), _SCORE, position=4, has_interval=True),
    Column("val_macro_f1_low", lambda facts: _bound(facts.results.val, 0), _SCORE),
    Column("val_macro_f1_high", lambda facts: _bound(facts.results.val, 1), _SCORE),
    Column("val_shifted_macro_f1", _at("results.shifted.macro_f1"), _SCORE, position=5, has_interval=True),
    Column("val_shifted_macro_f1_low", lambda facts: _bound(facts.results.shifted, 0), _SCORE),
    Column("val_shifted_macro_f1_high", lambda facts: _bound(facts.results.shifted, 1), _SCORE),
    Column("expected_macro_f1", _at("results.expected.macro_f1"), _SCORE),
    Column("val_accuracy", _at("results.val.accuracy"), _SCORE),
    Column("val_loss", _at("results.val.loss"), _SCORE, largest_first=False),
    Column("public", _at("scores.public"), _SCORE, position=6),
    Column("private", _at("scores.private"), _SCORE),
    Column("generalisation", lambda facts: facts.results.generalisation(facts.scores.public), "{:.2f}", position=7),
    Column("minutes", _minutes, "{:.1f}", largest_first=False, position=8),
    Column("status", lambda facts: facts.get("status") or "unknown", position=10),
)
"""A new column is one entry here and, if the web page shows it, its title ``col.KEY`` in both languages."""

COLUMNS = {column.key: column for column in _COLUMNS}
"""Every column by its key, in the order of the CSV file."""
