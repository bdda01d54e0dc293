"""Bulk prediction: more files than memory has room for, written to a parquet file in parts, resumed, in shards."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from munseo._config import Config
from munseo._console import pacing, say
from munseo._cores import num_cores
from munseo._data.stream import STDIN, Listing, SourceList, StreamedPage, list_sources, read_sources, stream_pages
from munseo._errors import Interrupted, UserError
from munseo._model import ModelCard
from munseo._prediction.combination import all_weights_sha256, is_ensemble, member_folders
from munseo._prediction.inference import read_card
from munseo._prediction.joined_parts import join_if_complete, refuse_strangers
from munseo._prediction.loader import DecodedPage, prepared, preprocessings_of
from munseo._prediction.parts_folder import (
    ERROR,
    PLACE,
    Done,
    PartsFolder,
    Shard,
    differences,
    launched_shard,
    parse_shard,
    shards_begun,
)
from munseo._prediction.predictor import PredictOptions, Predictor, check_device, prepare_for
from munseo._prediction.prepared_engine import NUM_PAGES, models_of
from munseo._prediction.submission import own_test_pages
from munseo._run import RunFolder

ROWS_A_PART = 2048
"""A part ends with the first file at which it has this many rows; so many can be lost when the process is killed."""
BATCHES_A_CHUNK = 4
"""Batches that are predicted at once, so that a second look finds full ones; as many pages wait decoded."""
MOST_THREADS = 16
"""Threads that decode files, at most."""

Pages = list[StreamedPage[DecodedPage]]


def predict_bulk(
    run: RunFolder,
    inputs: Sequence[Path | str],
    output: Path,
    options: PredictOptions,
    *,
    shard: str | None = None,
    proba: bool = False,
) -> Path:
    """Predict any number of files; arguments as in ``munseo.predict``.

    Returns:
        The parquet file, or the folder of this shard's parts where other shards are not done yet.

    Raises:
        UserError: The inputs cannot be found, have IDs twice, or are not those of the parts that are there.
        Interrupted: Ctrl-C or SIGTERM came; what was predicted is kept.
    """
    check_device(run, options)
    own = parse_shard(shard) if shard is not None else launched_shard()
    _take_own_gpu()
    parts = PartsFolder.of(output, own)
    sources = _sources(run.read_config(), inputs, parts)
    before = parts.read_plan()
    listing = list_sources(sources, own.has, parts.listing_file if before is None else None)
    for note in listing.notes:
        say(note)
    options = _with_engine(run, options, output, own, listing)
    predictor = Predictor.load(run, options)
    look, threshold = predictor.second_look, predictor.threshold
    needs_person_below = None if threshold is None else threshold.confidence
    plan = {
        "shard": str(own),
        "inputs": [word if word == STDIN else str(Path(word).absolute()) for word in sources.words],
        "num_own": listing.num_own,
        "num_files": listing.num_sources,
        "ids_sha256": listing.ids_sha256,
        "weights_sha256": all_weights_sha256(run),
        "settings": {
            "backend": predictor.backend if options.backend is None else options.backend,
            "precision": predictor.pipeline.precision,
            "views": [list(loaded.views) for loaded in predictor.runs],
            "second_look": look and {"gate": look.gate, "blend": look.blend, "views": list(look.views)},
            "temperature": predictor.temperature,
            "needs_person_below": needs_person_below,
            "proba": proba,
        },
    }
    refuse_strangers(output, own, plan)
    if before is None:
        parts.write_plan(plan)
    else:
        _refuse_changes(before, plan, parts, sources, listing)
    rows = PredictionRows(predictor.card, own, proba, needs_person_below)
    with _terminable():
        _predict_rest(parts, listing.num_own, rows, predictor)
    return join_if_complete(output, own)


def _with_engine(run: RunFolder, options: PredictOptions, output: Path, own: Shard, listing: Listing) -> PredictOptions:
    """Name the engine of a prediction that names none: that of the parts that any shard has, or the run's.

    All rows of an output come from one engine, so that an interruption changes no digit.
    """
    if options.backend is not None:
        return options
    for shard in (own, *shards_begun(output)):
        plan = PartsFolder.of(output, shard).read_plan()
        backend = plan and plan.get("settings", {}).get("backend")
        if backend:
            return replace(options, backend=backend)
    prepare_for(run, options, listing.num_own, lambda: _first_pages(run, PartsFolder.of(output, own)))
    return options


def _first_pages(run: RunFolder, parts: PartsFolder) -> list[DecodedPage]:
    """Decode some of the first pages of a shard."""
    models = models_of(member_folders(run) if is_ensemble(run) else [run])
    preprocessings = preprocessings_of(read_card(model) for model in models)
    sources, threads = read_sources(parts.listing_file), min(MOST_THREADS, num_cores())
    pages = stream_pages(sources, 0, lambda pixels: prepared(pixels, preprocessings), threads, NUM_PAGES)
    with closing(pages):
        return [page.content for page in islice(pages, NUM_PAGES) if page.content is not None]


def _take_own_gpu() -> None:
    """Give each of several processes that a launcher started on one machine a different GPU."""
    rank = os.environ.get("LOCAL_RANK", "")
    if rank.isdigit() and torch.cuda.is_available():
        torch.cuda.set_device(int(rank) % torch.cuda.device_count())


def _sources(config: Config, inputs: Sequence[Path | str], parts: PartsFolder) -> SourceList:
    """Return what to predict; standard input is copied first, since it can be read only once."""
    words = [str(word) for word in inputs]
    if words:
        sources = SourceList(words, (), config.id_column, parts.stdin_file)
    else:
        sources = SourceList((), own_test_pages(config).test)
    sources.check()
    parts.path.mkdir(parents=True, exist_ok=True)
    if STDIN in words:
        with parts.stdin_file.open("wb") as file:
            file.writelines(sys.stdin.buffer)
    return sources


def _refuse_changes(
    before: dict[str, Any], plan: dict[str, Any], parts: PartsFolder, sources: SourceList, listing: Listing
) -> None:
    """Refuse a plan other than the one that the parts were made by: the table would have two kinds of rows."""
    changes = differences(before, plan)
    problems = [f"{name}: {a} before, {b} now" for name, a, b in changes if name not in ("format", "ids_sha256")]
    if before["ids_sha256"] != listing.ids_sha256:
        problems += _changed_files(parts, sources, alone=listing.num_own == listing.num_sources)
    if problems:
        advice = f"Give what was given before, choose another output, or delete {parts.path}"
        raise UserError(f"{parts.path}: was begun with something else. {advice}.", problems)


def _changed_files(parts: PartsFolder, sources: SourceList, alone: bool) -> list[str]:
    """Name the files that are new or gone; one shard of several cannot know which of the new ones are its own."""
    known = {source.id for source in read_sources(parts.listing_file)}
    now = {source.id for source in sources.sources()}
    lines = [f"{name}: is gone" for name in sorted(known - now)]
    lines += [f"{name}: is new" for name in sorted(now - known)] if alone else []
    return lines or ["the files are others, or come in another order"]


def _predict_rest(parts: PartsFolder, num_own: int, rows: PredictionRows, predictor: Predictor) -> None:
    """Predict what no part holds yet."""
    done = parts.done()
    if done.num_sources:
        say(f"{done.num_sources:,} of {num_own:,} files are done already")
    chunk = BATCHES_A_CHUNK * max(run.setup.batch_size for run in predictor.runs)
    threads = max(2, min(MOST_THREADS, num_cores()))
    sources = read_sources(parts.listing_file, done.num_sources)
    pages = stream_pages(sources, done.num_sources, predictor.prepare, threads, chunk)
    writer = _PartWriter(parts, rows.shard, done)
    with pacing("predicting", num_own, done.num_sources, "files", "pages") as advance, closing(pages):
        try:
            for group, part_ends in _groups(pages, chunk):
                readable = [page.content for page in group if page.content is not None]
                empty = np.empty((0, rows.card.num_classes), np.float32)
                writer.add(group, rows.table(group, predictor.probabilities(readable) if readable else empty))
                advance(sum(page.is_last for page in group), len(group))
                if part_ends:
                    writer.write()
            writer.write()
        except KeyboardInterrupt as stop:
            writer.write()
            num_done = parts.done().num_sources
            raise Interrupted(
                stop.signum if isinstance(stop, Interrupted) else signal.SIGINT,
                f"interrupted; {num_done:,} of {num_own:,} files are done. The same command goes on from there.",
            ) from None


def _groups(pages: Iterable[StreamedPage[DecodedPage]], num_readable: int) -> Iterator[tuple[Pages, bool]]:
    """Group pages so that the model gets this many readable ones at once.

    Yields:
        The pages, and whether a part ends with them: it has its rows, and the file of its last page is complete.
    """
    group: Pages = []
    waiting = num_rows = 0
    for page in pages:
        group.append(page)
        num_rows += 1
        waiting += page.content is not None
        part_ends = num_rows >= ROWS_A_PART and page.is_last
        if part_ends or waiting == num_readable:
            yield group, part_ends
            group, waiting = [], 0
            num_rows = 0 if part_ends else num_rows
    if group:
        yield group, False


class _PartWriter:
    """Collects rows and writes them in parts of complete files, after those that are done already."""

    def __init__(self, folder: PartsFolder, shard: Shard, done: Done) -> None:
        self._folder, self._shard = folder, shard
        self._number = done.num_parts
        self._first = self._after = done.num_sources
        self._tables: list[pa.Table] = []

    def add(self, pages: Pages, table: pa.Table) -> None:
        """Keep the rows of these pages until a part is written."""
        self._tables.append(table)
        ended = [page.index for page in pages if page.is_last]
        if ended:
            self._after = ended[-1] + 1

    def write(self) -> None:
        """Write the rows of all files that are complete as one part, and begin the next one."""
        if self._after == self._first:
            return
        rows = pa.concat_tables(self._tables)
        last = self._shard.index_of(self._after - 1)
        num_complete = int(np.searchsorted(rows[PLACE].to_numpy(), last, side="right"))
        self._folder.write_part(self._number, rows.slice(0, num_complete), self._first, self._after)
        self._number, self._first, self._tables = self._number + 1, self._after, []


@dataclass(frozen=True)
class PredictionRows:
    """The columns of a row: place, ID, source, target, class_name, confidence, those asked for, error.

    With ``proba`` each class has a column ``p_<class name>``. The column ``needs_person`` is true where the confidence
    is below ``needs_person_below``; it is left out where that is None.
    """

    card: ModelCard
    shard: Shard
    proba: bool
    needs_person_below: float | None

    def table(self, pages: Sequence[StreamedPage[DecodedPage]], probabilities: np.ndarray) -> pa.Table:
        """Make the rows of readable and unreadable pages.

        The probabilities are calibrated, float32 (number of readable pages, num_classes). An unreadable page has null
        in every column that would need them, and needs a person.
        """
        readable = np.array([page.problem is None for page in pages], dtype=bool)
        spread = np.zeros((len(pages), self.card.num_classes), dtype=np.float32)
        spread[readable] = probabilities
        best, confidence = spread.argmax(axis=1), spread.max(axis=1)

        def where_readable(values: Sequence[str]) -> pa.Array:
            names = [values[k] if ok else None for k, ok in zip(best, readable, strict=True)]
            return pa.array(names, pa.string())

        columns: dict[str, pa.Array] = {
            PLACE: pa.array([self.shard.index_of(page.index) for page in pages], pa.int64()),
            "ID": pa.array([page.id for page in pages], pa.string()),
            "source": pa.array([page.where for page in pages], pa.string()),
            "target": where_readable(self.card.class_targets),
            "class_name": where_readable(self.card.class_names),
            "confidence": pa.array(confidence, mask=~readable),
        }
        if self.proba:
            for number, name in enumerate(self.card.class_names):
                columns[f"p_{name}"] = pa.array(spread[:, number], mask=~readable)
        if self.needs_person_below is not None:
            columns["needs_person"] = pa.array(~readable | (confidence < self.needs_person_below))
        columns[ERROR] = pa.array([page.problem and str(page.problem) for page in pages], pa.string())
        return pa.table(columns)


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM, which schedulers send before they kill, end the work as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(signum: int, _: object) -> None:
        raise Interrupted(signum)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
