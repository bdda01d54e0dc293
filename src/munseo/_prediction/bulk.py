"""Bulk prediction: more files than memory has room for, written in parts, resumed, in shards, and joined to one table.

Every page has a row, also one that cannot be read. All tables but submissions are made so: parquet for programs, CSV
and workbooks for people, who also get the expected score, and whose parts are removed when the table is there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
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
from munseo._locale import Remark
from munseo._prediction.combination import all_weights_sha256, is_ensemble, member_folders
from munseo._prediction.inference import read_card
from munseo._prediction.joined_parts import (
    JoinedTable,
    join_if_complete,
    refuse_strangers,
    remove_parts,
    unreadable_pages,
)
from munseo._prediction.loader import DecodedPage, prepared, preprocessings_of
from munseo._prediction.parts_folder import (
    PLACE,
    Done,
    PartsFolder,
    Shard,
    differences,
    launched_shard,
    parse_shard,
    shards_begun,
)
from munseo._prediction.prediction_rows import PredictionRows
from munseo._prediction.predictor import PredictedPages, PredictOptions, Predictor, check_device, prepare_for
from munseo._prediction.prepared_engine import NUM_PAGES, models_of
from munseo._prediction.submission import expected_score, own_test_pages, tables_of, texts_of
from munseo._run import RunFolder
from munseo._run.atomic import write_json
from munseo._spreadsheet import MAX_COLUMNS

ROWS_A_PART = 2048
"""A part ends with the first file at which it has this many rows; so many can be lost when the process is killed."""
BATCHES_A_CHUNK = 4
"""Batches that are predicted at once, so that a second look finds full ones; as many pages wait decoded."""
MOST_THREADS = 16
"""Threads that decode files, at most."""

Pages = list[StreamedPage[DecodedPage]]


@dataclass(frozen=True)
class BulkOptions:
    """What a table of predictions should be like.

    Attributes:
        shard: The shard of this process, such as ``3/16``; None: all files, or what a launcher says.
        proba: Whether each class has a column of its probability.
        excel: Whether a CSV is for Excel.
        fails: Whether pages that cannot be read are an error, after which no table is written.
        follow_links: Whether links may leave the folders that they are in; None: as the run was configured.
    """

    shard: str | None = None
    proba: bool = False
    excel: bool = False
    fails: bool = False
    follow_links: bool | None = None


def predict_bulk(
    run: RunFolder, inputs: Sequence[Path | str], output: Path, options: PredictOptions, table: BulkOptions
) -> Path:
    """Predict any number of files; arguments as in ``munseo.predict``.

    Returns:
        The table, or the folder of this shard's parts where other shards are not done yet.

    Raises:
        UserError: The inputs cannot be found, have IDs twice, or are not those of the parts that are there; or pages
            cannot be read, and that is an error.
        Interrupted: Ctrl-C or SIGTERM came; what was predicted is kept.
    """
    check_device(run, options)
    own = parse_shard(table.shard) if table.shard is not None else launched_shard()
    _take_own_gpu()
    parts = PartsFolder.of(output, own)
    for_people = output.suffix.lower() != ".parquet"
    with _without_empty_parts(parts):
        predictor, num_own = _begin(run, inputs, output, options, own, table)
    threshold = predictor.threshold
    needs_person_below = None if threshold is None else threshold.confidence
    rows = PredictionRows(predictor.card, own, table.proba, needs_person_below, keeps_raw=for_people)
    texts = _texts(predictor, inputs)
    with _terminable():
        _predict_rest(parts, num_own, rows, predictor, texts)
    is_whole = for_people and own.count == 1
    if table.fails and is_whole and (problems := unreadable_pages(output)):
        remove_parts(output)
        raise UserError(
            f"{output}: unreadable pages: {len(problems)}; nothing was written; fix them, or leave out "
            "--on-bad-image fail.",
            problems,
        )
    joined = join_if_complete(output, own, table.excel)
    if joined is None:
        return parts.path
    _tell(joined, predictor)
    if is_whole:
        remove_parts(output)
    return output


def _tell(joined: JoinedTable, predictor: Predictor) -> None:
    """Print what the threshold and the score to expect are on these pages, and write the latter beside the table."""
    if joined.num_sure is not None and predictor.threshold is not None:
        say(predictor.threshold.sentence(joined.num_sure, joined.num_rows))
    if joined.raw is not None:
        expected = expected_score(predictor, PredictedPages(joined.raw, joined.raw))
        file = joined.file.with_suffix(".expected.json")
        if expected is None:
            file.unlink(missing_ok=True)  # that of other pages, which were predicted to the same table before
        else:
            write_json(file, expected)


@contextmanager
def _without_empty_parts(parts: PartsFolder) -> Iterator[None]:
    """Remove the folder again if an error ends the work before anything in it counts."""
    try:
        yield
    except BaseException:
        if not parts.plan_file.is_file():
            shutil.rmtree(parts.path, ignore_errors=True)
            with suppress(OSError):  # other shards have theirs there
                parts.path.parent.rmdir()
        raise


def _begin(
    run: RunFolder, inputs: Sequence[Path | str], output: Path, options: PredictOptions, own: Shard, table: BulkOptions
) -> tuple[Predictor, int]:
    """List the files and load the models; return these and the number of the shard's files.

    Raises:
        UserError: The inputs cannot be found, have IDs twice, or are not those of the parts that are there.
    """
    parts = PartsFolder.of(output, own)
    sources = _sources(run.read_config(), inputs, parts, table.follow_links)
    before = parts.read_plan()
    listing = list_sources(sources, own.has, parts.listing_file if before is None else None)
    for note in listing.notes:
        say(note)
    options = _with_engine(run, options, output, own, listing)
    predictor = Predictor.load(run, options)
    if table.proba and output.suffix.lower() == ".xlsx" and predictor.card.num_classes > MAX_COLUMNS - 10:
        raise UserError(f"{output}: a sheet has {MAX_COLUMNS:,} columns, too few for --proba; give -o NAME.parquet.")
    look, threshold = predictor.second_look, predictor.threshold
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
            "needs_person_below": None if threshold is None else threshold.confidence,
            "proba": table.proba,
            **({"texts_sha256": _texts_sha256(_texts(predictor, inputs))} if predictor.uses_text else {}),
        },
    }
    refuse_strangers(output, own, plan)
    if before is None:
        parts.write_plan(plan)
    else:
        _refuse_changes(before, plan, parts, sources, listing)
    return predictor, listing.num_own


def _texts(predictor: Predictor, inputs: Sequence[Path | str]) -> dict[str, str]:
    """Return the user's own texts by ID, from the tables among the inputs, where the run uses words."""
    return texts_of(predictor.folder, tables_of(inputs, None)) if predictor.uses_text else {}


def _texts_sha256(texts: Mapping[str, str]) -> str:
    total = hashlib.sha256()
    for page_id, text in sorted(texts.items()):
        total.update(f"{len(page_id)}:{page_id}:{len(text)}:{text}".encode())
    return total.hexdigest()


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


def _sources(config: Config, inputs: Sequence[Path | str], parts: PartsFolder, follow_links: bool | None) -> SourceList:
    """Return what to predict; standard input is copied first, since it can be read only once."""
    words = [str(word) for word in inputs]
    if words:
        follow = config.follow_links if follow_links is None else follow_links
        sources = SourceList(words, (), config.id_column, parts.stdin_file, follow)
    else:
        sources = SourceList((), own_test_pages(config).test)
    sources.check()
    try:
        parts.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{parts.path}: cannot be made ({error.strerror}); choose another path.") from None
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


def _predict_rest(
    parts: PartsFolder, num_own: int, rows: PredictionRows, predictor: Predictor, texts: Mapping[str, str]
) -> None:
    """Predict what no part holds yet."""
    done = parts.done()
    if done.num_sources:
        say(f"{done.num_sources:,} of {num_own:,} files are done already")
    chunk = BATCHES_A_CHUNK * max(run.setup.batch_size for run in predictor.runs)
    threads = max(2, min(MOST_THREADS, num_cores()))
    sources = read_sources(parts.listing_file, done.num_sources)
    pages = stream_pages(sources, done.num_sources, predictor.prepare, threads, chunk)
    writer = _PartWriter(parts, rows.shard, done)
    noticed = _Noticed()
    with pacing("predicting", num_own, done.num_sources, "files", "pages") as advance, closing(pages):
        try:
            for group, part_ends in _groups(pages, chunk):
                readable = [
                    page.content if page.id not in texts else page.content.with_text(texts[page.id])
                    for page in group
                    if page.content is not None
                ]
                empty = np.empty((0, rows.card.num_classes), np.float32)
                predicted = predictor.predict(readable) if readable else PredictedPages(empty, empty)
                writer.add(group, rows.table(group, predictor.calibrated(predicted.final), predicted.final))
                noticed.add(group, predicted)
                advance(sum(page.is_last for page in group), len(group))
                if part_ends:
                    writer.write()
            writer.write()
            noticed.tell()
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


@dataclass
class _Noticed:
    """What is said once about all pages that this process predicted."""

    stretched: list[str] = field(default_factory=list)  # the first of them
    num_stretched: int = 0
    num_readable: int = 0
    num_second: int = 0

    def add(self, pages: Pages, predicted: PredictedPages) -> None:
        stretched = [page.id for page in pages if not page.has_square_pixels]
        self.stretched = self.stretched or stretched[:1]
        self.num_stretched += len(stretched)
        self.num_readable += len(predicted.final)
        self.num_second += predicted.num_second

    def tell(self) -> None:
        if self.stretched:
            say(str(Remark("data.stretched", {"count": self.num_stretched, "page": self.stretched[0]})))
        if self.num_second:
            say(f"second look: {self.num_second:,} of {self.num_readable:,} pages were predicted again")


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
