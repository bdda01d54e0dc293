"""The runs, the data and the file of decisions that all pages of the web UI share."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import pandas as pd

from munseo._data import DataLayout, Page, PageSet, load_pages
from munseo._errors import UserError
from munseo._report.leaderboard import as_table, row
from munseo._run import RunFolder
from munseo._run.run_reference import is_run

T = TypeVar("T")
_WATCHED = ("config.yaml", "manifest.json", "metrics.csv", "results.json", "scores.json")


class NotHere(Exception):  # noqa: N818 (a reply to the reader, not a fault of the program)
    """There is no such run, page or picture."""


class ResultCache:
    """Keeps the most recently used results of slow functions by key.

    A result is computed once, even if several threads ask for it at the same time.
    """

    def __init__(self, max_results: int) -> None:
        self._max_results = max_results
        self._lock = threading.Lock()
        self._made: OrderedDict[Hashable, Any] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the result of a key; ``make`` computes it if it is not there."""
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return cast("T", self._made[key])
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._made:
                    return cast("T", self._made[key])
            made = make()
            with self._lock:
                self._made[key] = made
                self._making.pop(key, None)
                while len(self._made) > self._max_results:
                    self._made.popitem(last=False)
            return made


class PageIndex:
    """The pages of a data folder, found by their ID."""

    def __init__(self, pages: PageSet) -> None:
        self.pages = pages
        parts = {"val": pages.val or (), "train": pages.train, "test": pages.test}
        self._by_id = {part: {page.id: page for page in in_part} for part, in_part in parts.items()}

    def get(self, part: str, page_id: str) -> Page:
        """Return a page of ``train``, ``val`` or ``test``.

        Raises:
            NotHere: There is no such page.
        """
        page = self._by_id.get(part, {}).get(page_id)
        if page is None:
            raise NotHere
        return page

    def find(self, page_id: str) -> Page:
        """Return the page of an ID, whatever its part.

        Raises:
            NotHere: There is no such page.
        """
        for pages in self._by_id.values():
            if page_id in pages:
                return pages[page_id]
        raise NotHere

    def labelled_part(self, page_id: str) -> str | None:
        """Return the part, ``val`` or ``train``, whose table labels the page; None where none does."""
        return next((part for part in ("val", "train") if page_id in self._by_id[part]), None)


@dataclass(frozen=True)
class Site:
    """The folders and files that the pages show, with caches of what was read from them.

    Attributes:
        runs_dir: Folder of the runs.
        data: Data folder to use for every run; None uses the folder that each run was trained on.
        issues: ``issues.csv`` of the doctor, or None.
        review_file: File that receives the decisions of reviewers.
    """

    runs_dir: Path
    data: Path | None
    issues: Path | None
    review_file: Path
    _rows: ResultCache = field(default_factory=lambda: ResultCache(10_000))
    _pages: ResultCache = field(default_factory=lambda: ResultCache(4))
    _tables: ResultCache = field(default_factory=lambda: ResultCache(16))

    def folders(self) -> list[RunFolder]:
        """Return the runs of the folder, sorted by name."""
        return [RunFolder(path) for path in sorted(self.runs_dir.iterdir()) if is_run(path)]

    def run(self, name: str) -> RunFolder:
        """Return a run by its name.

        Raises:
            NotHere: There is no such run. A name is compared with folder names and never used as a path.
        """
        for folder in self.folders():
            if folder.path.name == name:
                return folder
        raise NotHere

    def leaderboard(self) -> pd.DataFrame:
        """Return the leaderboard, a row for each run; a run that has not changed is not read again."""
        return as_table([self._rows.get((run.path, _stamps(run)), partial(row, run)) for run in self.folders()])

    def data_of(self, run: RunFolder) -> Path:
        """Return the folder that has, or had, the pages of a run."""
        return self.data or Path(run.read_config().data_dir)

    def pages_of(self, run: RunFolder) -> PageIndex:
        """Return the pages of a run's data.

        Raises:
            UserError: The data folder is gone, or its tables are wrong.
        """
        return self._load_pages(self.data_of(run), DataLayout.from_config(run.read_config()))

    def data_pages(self) -> PageIndex:
        """Return the pages of ``--data``, read with the layout of the first run that fits.

        Raises:
            UserError: ``--data`` was not given.
        """
        if self.data is None:
            raise UserError("--data was not given.")
        for run in self.folders():
            try:
                return self.pages_of(run)
            except UserError:
                continue
        return self._load_pages(self.data, DataLayout())

    def _load_pages(self, folder: Path, layout: DataLayout) -> PageIndex:
        return self._pages.get((folder, layout), lambda: PageIndex(load_pages(folder, layout)))

    def table(self, run: RunFolder, file: Path) -> pd.DataFrame:
        """Read a table of predictions. The result is shared and must not be changed."""
        stamp = file.stat().st_mtime_ns if file.exists() else 0
        return self._tables.get((file, stamp), lambda: run.read_predictions(file))


def _stamps(run: RunFolder) -> tuple[int, ...]:
    """Return the times of change of the files that the leaderboard reads."""
    files = [run.path / name for name in _WATCHED]
    files += [fold.metrics_file for fold in run.folds]
    return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)
