"""The generator of the document set: it writes tables and pictures, and never leaves half a set."""

from __future__ import annotations

import multiprocessing
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from munseo._console import track
from munseo._cores import num_cores
from munseo._errors import UserError
from munseo._jpeg import encode_jpeg
from munseo._randomness import generator
from munseo._synth.document_kinds import KINDS
from munseo._synth.photo import damage, scan
from munseo._synth.random_draws import between, chance, pick, whole

MIN_PER_KIND = 4
"""Least number of train pages of each kind, so that a stratified split finds enough of each."""
SMALLEST_PX, LARGEST_PX = 64, 4096
"""Range of ``longest_side_px``."""
PAGES_PER_TASK = 8
"""Pages that a process draws before it reports back."""
DRAWING = "Drawing pages"


@dataclass(frozen=True)
class SynthPage:
    """A page to generate; everything on it follows from this record and the seed."""

    part: str  # ``train`` or ``test``
    index: int
    target: int  # index of its kind in ``KINDS``
    file_name: str  # name of its file


def generate(
    out: Path | str,
    *,
    num_train: int = 1570,
    num_test: int = 3140,
    longest_side_px: int = 640,
    seed: int = 42,
    num_workers: int | None = None,
) -> Path:
    """Generate the 17-class document set in the layout of the competition.

    ``out`` will hold ``train.csv`` and ``sample_submission.csv`` (``ID,target``), ``meta.csv``
    (``target,class_name``), ``test_labels.csv`` (the truth about the test split), ``train/*.jpg`` (clean scans) and
    ``test/*.jpg`` (turned, mirrored, blurred, noisy, brighter). It depends only on the seed, not on ``num_workers``.

    Args:
        out: A folder that is empty or does not exist yet.
        num_train: Number of train pages. The kinds are as uneven as in the competition, with at least 4 pages each.
        num_test: Number of test pages, of random kinds; each kind occurs at least once if the number allows.
        longest_side_px: Typical longest side of a picture; the pictures vary from 0.78 to 1.4 times as much.
        seed: Seed of all randomness.
        num_workers: Number of processes that draw; None: as many as there are cores. A script that uses more than one
            must keep its own calls under ``if __name__ == "__main__":``.

    Returns:
        The folder, as an absolute path.

    Raises:
        UserError: A number is out of range, or ``out`` is a file or a folder that is not empty.
    """
    out = Path(out).expanduser().absolute()
    _check(out, num_train, num_test, longest_side_px, num_workers)
    train, test = planned_train(num_train, seed), planned_test(num_test, seed)
    with _staged(out) as staging:
        for part in ("train", "test"):
            (staging / part).mkdir()
        make = partial(_make, staging, seed, longest_side_px)
        _make_all(make, [*train, *test], num_workers or num_cores())
        _write_tables(staging, train, test)
    return out


def class_sizes(num_train: int) -> list[int]:
    """Return the number of train pages of each kind: at least ``MIN_PER_KIND``, else as in the competition.

    Pages that remain after rounding go to the kinds with the largest remainders (Hamilton's method).
    """
    weights = np.array([kind.num_train - MIN_PER_KIND for kind in KINDS], np.int64)
    rest = num_train - MIN_PER_KIND * len(KINDS)
    sizes, remainders = np.divmod(rest * weights, weights.sum())
    sizes[np.argsort(-remainders, kind="stable")[: rest - int(sizes.sum())]] += 1
    return [int(size) + MIN_PER_KIND for size in sizes]


def planned_train(num_train: int, seed: int) -> list[SynthPage]:
    """Return the pages of the train split, in random order."""
    targets = np.repeat(np.arange(len(KINDS)), class_sizes(num_train))
    return _pages("train", generator(seed, "specimen-train-targets").permutation(targets), seed)


def planned_test(num_test: int, seed: int) -> list[SynthPage]:
    """Return the pages of the test split: each kind once, then random kinds."""
    rng = generator(seed, "specimen-test-targets")
    first = rng.permutation(len(KINDS))
    return _pages("test", np.concatenate([first, rng.integers(len(KINDS), size=num_test)])[:num_test], seed)


def _pages(part: str, targets: np.ndarray, seed: int) -> list[SynthPage]:
    pages = []
    for index, target in enumerate(targets):
        # A hash, so that neither the name nor the order of names betrays the kind.
        name = blake2b(f"{seed}/{part}/{index}".encode(), digest_size=8).hexdigest()
        pages.append(SynthPage(part, index, int(target), f"{name}.jpg"))
    return pages


def draw_page(page: SynthPage, seed: int, longest_side_px: int) -> np.ndarray:
    """Draw one page of the set; uint8 RGB (H, W, 3)."""
    rng = generator(seed, f"specimen-{page.part}", page.index)
    longest_px = round(longest_side_px * between(rng, 0.78, 1.4))
    scanned = scan(rng, KINDS[page.target].draw(rng, longest_px))
    if page.part == "train":
        return scanned
    second = pick(rng, KINDS).draw(rng, longest_px) if chance(rng, 0.08) else None
    return damage(rng, scanned, second)


def _make(folder: Path, seed: int, longest_side_px: int, page: SynthPage) -> None:
    quality_rng = generator(seed, f"specimen-{page.part}-quality", page.index)
    quality = whole(quality_rng, 78, 94) if page.part == "train" else whole(quality_rng, 60, 90)
    data = encode_jpeg(draw_page(page, seed, longest_side_px), quality)
    (folder / page.part / page.file_name).write_bytes(data)


def _make_all(make: Callable[[SynthPage], None], pages: Sequence[SynthPage], num_workers: int) -> None:
    """Make all pages, in this process or in several others, with a progress bar."""
    if num_workers == 1:
        for page in track(pages, DRAWING):
            make(page)
        return
    # Not fork: a forked child inherits the locks of threads (of OpenCV, of torch) that it does not have.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_workers, context, initializer=_begin_worker) as pool:
        try:
            for _ in track(pool.map(make, pages, chunksize=PAGES_PER_TASK), DRAWING, total=len(pages)):
                pass
        except BrokenProcessPool as error:
            raise UserError(
                "The processes that draw the pages could not start or were killed. In a script, call munseo under "
                'if __name__ == "__main__":, or draw in one process with num_workers=1 (it also needs least memory).'
            ) from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _begin_worker() -> None:
    """Draw with one thread, and leave Ctrl-C to the process that began this one.

    A terminal sends it to all of them. A worker that it ends while it takes its next pages from the queue leaves the
    others, and the first process, waiting for the lock of the queue.
    """
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _write_tables(folder: Path, train: Sequence[SynthPage], test: Sequence[SynthPage]) -> None:
    names = pd.DataFrame({"target": range(len(KINDS)), "class_name": [kind.name for kind in KINDS]})
    names.to_csv(folder / "meta.csv", index=False, lineterminator="\n")
    truth = _table(test)
    truth.to_csv(folder / "test_labels.csv", index=False, lineterminator="\n")
    truth.assign(target=0).to_csv(folder / "sample_submission.csv", index=False, lineterminator="\n")
    _table(train).to_csv(folder / "train.csv", index=False, lineterminator="\n")


def _table(pages: Sequence[SynthPage]) -> pd.DataFrame:
    rows = sorted((page.file_name, page.target) for page in pages)
    return pd.DataFrame(rows, columns=["ID", "target"])


def _check(out: Path, num_train: int, num_test: int, longest_side_px: int, num_workers: int | None) -> None:
    """Raise one error with everything that is wrong."""
    problems = []
    least = MIN_PER_KIND * len(KINDS)
    if num_train < least:
        problems.append(
            f"num_train is {num_train}; at least {least} are needed, {MIN_PER_KIND} for each of {len(KINDS)} kinds"
        )
    if num_test < 1:
        problems.append(f"num_test is {num_test}; at least 1 is needed")
    if not SMALLEST_PX <= longest_side_px <= LARGEST_PX:
        problems.append(f"longest_side_px is {longest_side_px}; allowed are {SMALLEST_PX} to {LARGEST_PX}")
    if num_workers is not None and num_workers < 1:
        problems.append(f"num_workers is {num_workers}; at least 1 is needed, or None for one per core")
    if out.exists() and not out.is_dir():
        problems.append(f"{out} is a file; name a folder that does not exist yet")
    elif out.is_dir() and (file := next(out.iterdir(), None)):
        problems.append(f"{out} is not empty (it holds {file.name}); name another folder, or remove this one first")
    if problems:
        raise UserError("The document set cannot be generated:", problems)


@contextmanager
def _staged(out: Path) -> Iterator[Path]:
    """Provide a hidden folder to write into; it becomes ``out`` when all is written, or is removed on failure."""
    # An empty folder may be a mounted volume, which cannot be renamed over: its content is moved up instead.
    inside = out.is_dir()
    staging = (out if inside else out.parent) / f".{out.name}-{secrets.token_hex(4)}.partial"
    try:
        staging.mkdir(parents=True)
    except OSError as error:
        raise UserError(
            f"Cannot write to {staging.parent}: {error.strerror}. Name a folder that you may write to."
        ) from error
    try:
        yield staging
        if inside:
            # The train table is moved last: whoever sees it sees a complete set.
            for child in sorted(staging.iterdir(), key=lambda path: (path.name == "train.csv", path.name)):
                child.rename(out / child.name)
            staging.rmdir()
        else:
            staging.rename(out)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
