"""What all pages share: where the runs, the data and the decisions are."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from munseo._data import DataLayout, PageSet, load_pages
from munseo._errors import UserError
from munseo._report.leaderboard import as_table, is_run, row
from munseo._run import RunFolder

T = TypeVar("T")
_STAMPED = ("config.yaml", "manifest.json", "metrics.csv", "results.json", "scores.json")


class NotHere(Exception):  # noqa: N818 (an answer, not a fault)
    """There is no such run, page or picture."""


class Kept:
    """The last few results of something slow, by key; made once, however many ask at the same time.

    Args:
        most: Results that are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._made: OrderedDict[Hashable, Any] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result of this key."""
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                known: T = self._made[key]
                return known
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._made:
                    there: T = self._made[key]
                    return there
            made = make()
            with self._lock:
                self._made[key] = made
                self._making.pop(key, None)
                while len(self._made) > self._most:
                    self._made.popitem(last=False)
            return made


@dataclass(frozen=True)
class Site:
    """The places.

    Attributes:
        runs_dir: Folder of the runs.
        data: Data folder to use for every run; None: where each run's data were.
        issues: ``issues.csv`` of the doctor, or None.
        review_file: Where decisions go.
    """

    runs_dir: Path
    data: Path | None
    issues: Path | None
    review_file: Path
    _rows: Kept = field(default_factory=lambda: Kept(10_000))
    _pages: Kept = field(default_factory=lambda: Kept(4))
    _tables: Kept = field(default_factory=lambda: Kept(16))

    def folders(self) -> list[RunFolder]:
        """The runs of the folder, by name."""
        return [RunFolder(path) for path in sorted(self.runs_dir.iterdir()) if is_run(path)]

    def run(self, name: str) -> RunFolder:
        """A run by its name.

        Raises:
            NotHere: There is none; a name is never taken for a path.
        """
        for folder in self.folders():
            if folder.path.name == name:
                return folder
        raise NotHere

    def leaderboard(self) -> pd.DataFrame:
        """Return the leaderboard, a row for each run; a run that has not changed is not read again."""
        return as_table([self._rows.get((run.path, _stamps(run)), partial(row, run)) for run in self.folders()])

    def data_of(self, run: RunFolder) -> Path:
        """Where the pages of a run are, or were."""
        return self.data or Path(run.read_config().data_dir)

    def pages_of(self, run: RunFolder) -> PageSet:
        """The pages of a run's data.

        Raises:
            UserError: They are not there any more, or their tables are wrong.
        """
        return self._load_pages(self.data_of(run), DataLayout.from_config(run.read_config()))

    def data_pages(self) -> PageSet:
        """The pages of ``--data``.

        Raises:
            UserError: Without it.
        """
        if self.data is None:
            raise UserError("--data was not given.")
        for run in self.folders():
            try:
                return self.pages_of(run)
            except UserError:
                continue
        return self._load_pages(self.data, DataLayout())

    def _load_pages(self, folder: Path, layout: DataLayout) -> PageSet:
        return self._pages.get((folder, layout), lambda: load_pages(folder, layout))

    def table(self, run: RunFolder, file: Path) -> pd.DataFrame:
        """A table of predictions; it must not be changed."""
        stamp = file.stat().st_mtime_ns if file.exists() else 0
        return self._tables.get((file, stamp), lambda: run.read_predictions(file))


def _stamps(run: RunFolder) -> tuple[int, ...]:
    files = [run.path / name for name in _STAMPED]
    files += [fold.metrics_file for fold in run.folds]
    return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)
