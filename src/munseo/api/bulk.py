"""``munseo predict`` for more files than memory has room for: a parquet file, written in parts, resumed, in shards."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from munseo._config import Config
from munseo._console import pacing, say
from munseo._data import DataLayout, load_pages
from munseo._data.stream import (
    PLACE,
    STDIN,
    Inputs,
    Listing,
    PartsFolder,
    StreamedPage,
    differences,
    launched_shard,
    list_sources,
    parse_shard,
    read_sources,
    refuse_strangers,
    stream_pages,
)
from munseo._errors import Interrupted, UserError
from munseo._prediction import Settings
from munseo._prediction.loader import DecodedPage
from munseo._prediction.predictor import Predictor, load_predictor
from munseo._run import open_run
from munseo._training.hardware import num_cores
from munseo.api.expecting import decide
from munseo.api.joining import join_if_complete
from munseo.api.predicting import settings_of
from munseo.api.preparing import preparing
from munseo.api.rows import RowForm
from munseo.api.weights import weights_sha256

ROWS_A_PART = 2048
"""A part ends with the first file at which it has as many; what a kill can cost."""
BATCHES_A_CHUNK = 4
"""Batches that are predicted at once, so that a second look finds full ones; as many pages wait decoded."""
MOST_THREADS = 16

Pages = list[StreamedPage[DecodedPage]]


def predict_bulk(
    run: Path | str,
    inputs: Sequence[Path | str],
    output: Path,
    *,
    shard: str | None = None,
    proba: bool = False,
    tta: bool | None = None,
    second_look: bool | None = None,
    abstain_below: float | None = None,
    target_precision: float | None = None,
    device: str = "auto",
    backend: str = "torch",
) -> Path:
    """Predict any number of files; arguments as in ``predict``.

    Returns:
        The parquet file, or the folder of this shard's parts where other shards are not done yet.

    Raises:
        UserError: The inputs cannot be found, have IDs twice, or are not those of the parts that are there.
        Interrupted: Ctrl-C or SIGTERM came; what was predicted is kept.
    """
    folder = open_run(run)
    own = parse_shard(shard) if shard is not None else launched_shard()
    _take_own_gpu()
    parts = PartsFolder.of(output, own)
    wanted = _inputs(folder.read_config(), inputs, parts)
    before = parts.read_plan()
    listing = list_sources(wanted, own, parts.listing_file if before is None else None)
    for note in listing.notes:
        say(note)
    predictor = load_predictor(folder, backend)
    decision = decide(folder, predictor, abstain_below, target_precision)
    threshold = None if decision is None else decision.threshold
    plan = {
        "shard": str(own),
        "inputs": [word if word == STDIN else str(Path(word).absolute()) for word in wanted.words],
        "num_own": listing.num_own,
        "num_files": listing.num_sources,
        "ids_sha256": listing.ids_sha256,
        "weights_sha256": weights_sha256(folder),
        "settings": {
            "backend": backend,
            "views": [list(run.views(tta)) for run in predictor.runs],
            "second_look": _second_look(predictor, second_look),
            "temperature": predictor.temperature,
            "needs_person_below": threshold,
            "proba": proba,
        },
    }
    refuse_strangers(output, own, plan)
    if before is None:
        parts.write_plan(plan)
    else:
        _refuse_changes(before, plan, parts, wanted, listing)
    settings = [replace(settings_of(run.config, device), num_workers=0) for run in predictor.runs]
    form = RowForm(predictor.card, own, proba, threshold)

    def answer(pages: Sequence[DecodedPage]) -> np.ndarray:
        return predictor.calibrated(predictor.predict(pages, settings, tta, second_look).final)

    with _terminable():
        _predict_rest(parts, listing.num_own, form, answer, preparing(predictor), settings)
    return join_if_complete(output, own)


def _take_own_gpu() -> None:
    """Of several processes that a launcher started on one machine, each has a GPU of its own."""
    rank = os.environ.get("LOCAL_RANK", "")
    if rank.isdigit() and torch.cuda.is_available():
        torch.cuda.set_device(int(rank) % torch.cuda.device_count())


def _inputs(config: Config, inputs: Sequence[Path | str], parts: PartsFolder) -> Inputs:
    """What to predict; standard input is copied first, since it can be read only once."""
    words = [str(word) for word in inputs]
    if not words:
        pages = load_pages(config.data_dir, DataLayout.from_config(config)).test
        if not pages:
            raise UserError(f"{config.data_dir}: has no test part; say what to predict: munseo predict RUN INPUT…")
        wanted = Inputs((), pages)
    else:
        wanted = Inputs(words, (), config.id_column, parts.stdin_file)
    wanted.check()
    parts.path.mkdir(parents=True, exist_ok=True)
    if STDIN in words:
        with parts.stdin_file.open("wb") as file:
            for line in sys.stdin.buffer:
                file.write(line)
    return wanted


def _second_look(predictor: Predictor, wish: bool | None) -> dict[str, Any] | None:
    look = predictor.second_look
    if look is None or not (predictor.second_look_used if wish is None else wish):
        return None
    return {"gate": look.gate, "blend": look.blend, "views": list(look.views)}


def _refuse_changes(
    before: dict[str, Any], plan: dict[str, Any], parts: PartsFolder, wanted: Inputs, listing: Listing
) -> None:
    """A plan that differs from the one that the parts were made by would give a table of two kinds of rows."""
    changes = differences(before, plan)
    problems = [f"{name}: {a} before, {b} now" for name, a, b in changes if name not in ("format", "ids_sha256")]
    if before["ids_sha256"] != listing.ids_sha256:
        problems += _changed_files(parts, wanted, alone=listing.num_own == listing.num_sources)
    if problems:
        advice = f"Give what was given before, choose another output, or delete {parts.path}"
        raise UserError(f"{parts.path}: was begun with something else. {advice}.", problems)


def _changed_files(parts: PartsFolder, wanted: Inputs, alone: bool) -> list[str]:
    """Files that are new or gone; of the new ones a shard that is not alone cannot know which are its own."""
    known = {source.id for source in read_sources(parts.listing_file)}
    now = {source.id for source in wanted.sources()}
    lines = [f"{name}: is gone" for name in sorted(known - now)]
    lines += [f"{name}: is new" for name in sorted(now - known)] if alone else []
    return lines or ["the files are others, or come in another order"]


def _predict_rest(
    parts: PartsFolder,
    num_own: int,
    form: RowForm,
    answer: Callable[[Sequence[DecodedPage]], np.ndarray],
    prepare: Callable[[np.ndarray], DecodedPage],
    settings: Sequence[Settings],
) -> None:
    """Predict what no part holds yet."""
    done = parts.done()
    if done.num_sources:
        say(f"{done.num_sources:,} of {num_own:,} files are done already")
    chunk = BATCHES_A_CHUNK * max(setting.batch_size for setting in settings)
    threads = max(2, min(MOST_THREADS, num_cores()))
    sources = read_sources(parts.listing_file, done.num_sources)
    pages = stream_pages(sources, done.num_sources, prepare, threads, chunk)
    part = _Part(parts, form, answer, done.num_parts, done.num_sources)
    with pacing("predicting", num_own, done.num_sources, "files", "pages") as advance, closing(pages):
        try:
            for page in pages:
                part.add(page)
                if part.num_readable == chunk or part.is_full:
                    advance(*part.predict())
                if part.is_full:
                    part.write()
            advance(*part.predict())
            part.write()
        except KeyboardInterrupt as stop:
            part.write()
            done = parts.done()
            signum = stop.signum if isinstance(stop, Interrupted) else signal.SIGINT
            raise Interrupted(
                signum,
                f"interrupted; {done.num_sources:,} of {num_own:,} files are done. "
                "The same command goes on from there.",
            ) from None


@dataclass
class _Part:
    """The part that is being made: pages that wait for the model, and rows that wait for the disk."""

    folder: PartsFolder
    form: RowForm
    answer: Callable[[Sequence[DecodedPage]], np.ndarray]
    number: int
    first: int
    after: int = 0
    """The file behind the last one whose pages are all among the rows."""
    waiting: Pages = field(default_factory=list)
    num_readable: int = 0
    """Of the waiting pages."""
    rows: list[pa.Table] = field(default_factory=list)
    num_pages: int = 0
    """Rows and waiting pages."""
    ends_with_file: bool = True

    @property
    def is_full(self) -> bool:
        """Whether it has its rows and ends with a file."""
        return self.num_pages >= ROWS_A_PART and self.ends_with_file

    def add(self, page: StreamedPage[DecodedPage]) -> None:
        """Let one more page wait."""
        self.waiting.append(page)
        self.num_pages += 1
        self.num_readable += page.content is not None
        self.ends_with_file = page.is_last

    def predict(self) -> tuple[int, int]:
        """Make rows of the waiting pages.

        Returns:
            How many files end with them, and how many pages they are.
        """
        if not self.waiting:
            return 0, 0
        readable = [page.content for page in self.waiting if page.content is not None]
        probabilities = self.answer(readable) if readable else np.empty((0, self.form.card.num_classes), np.float32)
        self.rows.append(self.form.table(self.waiting, probabilities))
        ended = [page.index for page in self.waiting if page.is_last]
        self.after = ended[-1] + 1 if ended else self.after
        counts = len(ended), len(self.waiting)
        self.waiting, self.num_readable = [], 0
        return counts

    def write(self) -> None:
        """Write the rows of files that are complete, and begin the next part."""
        if self.after <= self.first:
            return
        rows = pa.concat_tables(self.rows)
        places = rows[PLACE].to_numpy()
        complete = int(np.searchsorted(places, self.form.shard.place(self.after - 1), side="right"))
        self.folder.write_part(self.number, rows.slice(0, complete), self.first, self.after)
        self.number, self.first = self.number + 1, self.after
        self.rows, self.num_pages = [], 0


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM, which schedulers send before they kill, ends the work as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _: object) -> None:
        raise Interrupted(number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
