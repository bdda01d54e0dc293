"""Measure how fast the words of pages are read, step by step, and against two simpler ways.

    python benchmarks/reading.py data/rvl5_text --pages 750 --out words.parquet   # all pages, in processes, kept
    python benchmarks/reading.py data/rvl5_text --pages 30 --compare 30           # and the comparisons

Three things are measured: the steps of one page in this process; all pages in processes, as a run reads them, with an
empty cache; and, on ``--compare`` pages, the `tesseract` command called page by page on pages that are upright and
level already, and reading all eight poses of each page. With ``--out`` the words are written to a parquet file: one row
per page with words, boxes, confidences, pose and text.

Wall time on a machine that does other work says little, so the processor time is printed beside it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from munseo._cores import num_cores
from munseo._data.decoder import decode_stored
from munseo._words.level_page import make_level
from munseo._words.page_pose import POSES, rank_poses
from munseo._words.page_reader import read_page, read_upright
from munseo._words.page_words import PageWords
from munseo._words.reading_settings import ReadingSettings
from munseo._words.tesseract_engine import TesseractEngine, find_data, in_order
from munseo._words.word_engine import RawReading
from munseo._words.word_reader import read_words
from munseo._words.word_sources import StoredPage, to_grey

LEGIBLE = 25.0  # a page with fewer plausible letters in every pose has hardly a word
ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".pdf")


def find_pages(folder: Path, count: int) -> list[Path]:
    """Choose pages at even steps, so that any number of them has all kinds."""
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in ENDINGS)
    if not files:
        sys.exit(f"{folder}: no images")
    step = max(1.0, len(files) / count)
    return [files[int(index * step)] for index in range(min(count, len(files)))]


def used_s() -> tuple[float, float]:
    """Return the wall time, and the processor time of this process and of those that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter(), time.process_time() + children.ru_utime + children.ru_stime


def timed(work: Callable[[], object]) -> tuple[object, float, float]:
    wall, cpu = used_s()
    result = work()
    wall_after, cpu_after = used_s()
    return result, wall_after - wall, cpu_after - cpu


def measure_steps(files: Sequence[Path], engine: TesseractEngine) -> None:
    spent: Counter[str] = Counter()
    for file in files:
        times = [time.process_time()]
        grey = to_grey(decode_stored(file))
        times.append(time.process_time())
        level = make_level(grey)
        times.append(time.process_time())
        ranking = rank_poses(level.pixels, engine)
        times.append(time.process_time())
        read_upright(ranking.poses[0].made_upright(level.pixels), engine)
        times.append(time.process_time())
        for name, before, after in zip(("decode", "level", "pose", "read"), times, times[1:], strict=False):
            spent[name] += after - before
    print(f"\nsteps of {len(files)} pages in one process, processor time:")
    for name in ("decode", "level", "pose", "read"):
        print(f"  {name:8} {len(files) / spent[name]:8.1f} pages/s  {spent[name] / len(files):.3f} s a page")
    print(f"  {'all':8} {len(files) / spent.total():8.1f} pages/s  {spent.total() / len(files):.3f} s a page")


def measure_all(files: Sequence[Path], settings: ReadingSettings, workers: int, cache: Path) -> list[PageWords]:
    pages = [StoredPage(hashlib.sha256(file.read_bytes()).hexdigest(), file) for file in files]
    words, wall, cpu = timed(lambda: read_words(pages, settings, cache, workers))
    assert isinstance(words, list)
    _, again, _ = timed(lambda: read_words(pages, settings, cache, workers, None))
    with_words = sum(bool(page.words) for page in words)
    print(
        f"\nall {len(files)} pages in {workers} processes: {wall:.0f} s, {len(files) / wall:.2f} pages/s, processor "
        f"time {cpu / len(files):.2f} s a page; again from the cache: {again:.2f} s"
    )
    print(
        f"  {with_words} pages ({with_words / len(files):.0%}) have words, {sum(len(p.words) for p in words):,} words"
    )
    return words


def write_words(file: Path, files: Sequence[Path], words: Sequence[PageWords]) -> None:
    table = pd.DataFrame(
        {
            "ID": [path.name for path in files],
            "text": [page.text for page in words],
            "words": [list(page.words) for page in words],
            "boxes": [[] if page.boxes is None else page.boxes.ravel().tolist() for page in words],
            "confidences": [[] if page.confidences is None else page.confidences.tolist() for page in words],
            "quarter_turns": [page.quarter_turns for page in words],
            "mirrored": [page.mirrored for page in words],
            "pose_certainty": [page.pose_certainty for page in words],
        }
    )
    table.to_parquet(file)
    print(f"  written: {file}")


def compare_with_eight_poses(files: Sequence[Path], engine: TesseractEngine) -> None:
    ours_s = eight_s = 0.0
    same = common = total = 0
    for file in files:
        grey = to_grey(decode_stored(file))
        ours, _, cpu = timed(lambda grey=grey: read_page(grey, engine))
        ours_s += cpu
        (pose, reading), _, cpu = timed(lambda grey=grey: read_eight(grey, engine))
        eight_s += cpu
        if reading.plausible_letters < LEGIBLE:
            continue
        total += 1
        same += (ours.quarter_turns, ours.mirrored) == (pose.quarter_turns, pose.mirrored)
        mine, theirs = Counter(ours.words), Counter(word for word in reading.words if any(map(str.isalnum, word)))
        common += (mine & theirs).total() / max(1, theirs.total())
    print(
        f"\neight poses of {len(files)} pages: {eight_s / len(files):.2f} s a page, processor time; ours "
        f"{ours_s / len(files):.2f}; {eight_s / ours_s:.1f} times faster"
    )
    print(f"  of {total} pages with words the same pose: {same}; words in common: {common / max(1, total):.3f}")


def read_eight(grey: np.ndarray, engine: TesseractEngine) -> tuple:
    level = make_level(grey)
    readings = [(pose, engine.read(pose.made_upright(level.pixels), "page")) for pose in POSES]
    return max(readings, key=lambda reading: reading[1].plausible_letters)


_engine: TesseractEngine


def begin(languages: Sequence[str]) -> None:
    global _engine
    cv2.setNumThreads(1)
    _engine = TesseractEngine(languages)


def read_file(file: Path) -> RawReading:
    return _engine.read(cv2.imread(str(file), cv2.IMREAD_GRAYSCALE), "page")


def compare_with_command(
    files: Sequence[Path], engine: TesseractEngine, languages: Sequence[str], workers: int
) -> None:
    command = shutil.which("tesseract")
    if command is None:
        print("\nthe command tesseract is not installed; no comparison with it")
        return
    with tempfile.TemporaryDirectory() as folder:
        prepared = []
        for number, file in enumerate(files):
            level = make_level(to_grey(decode_stored(file)))
            pose = rank_poses(level.pixels, engine).poses[0]
            path = Path(folder) / f"{number}.png"
            cv2.imwrite(str(path), pose.made_upright(level.pixels))
            prepared.append(path)
        data = Path(folder) / "data"
        data.mkdir()
        for name, path in find_data(languages).items():
            (data / f"{name}.traineddata").symlink_to(path)
        with ProcessPoolExecutor(workers, initializer=begin, initargs=(languages,)) as pool:
            list(pool.map(read_file, prepared[:workers]))  # the processes are there
            ours, wall, _ = timed(lambda: list(pool.map(read_file, prepared)))
        options = ["-l", "+".join(in_order(languages)), "--psm", "4", "-c", "thresholding_method=2"]
        options += ["--tessdata-dir", str(data), "--dpi", "170"]

        def call(path: Path) -> list[str]:
            done = subprocess.run([command, str(path), "-", *options], capture_output=True, text=True, check=False)
            return done.stdout.split()

        theirs, command_wall, command_cpu = timed(lambda: [call(path) for path in prepared])
    print(f"\nthe tesseract command, page by page, on {len(files)} pages that are upright and level:")
    print(f"  {command_wall / len(files):.2f} s a page, processor time {command_cpu / len(files):.2f}")
    print(f"  ours in {workers} processes {wall / len(files):.2f} s a page: {command_wall / wall:.1f} times faster")
    pairs = [
        (Counter(a.words), Counter(b)) for a, b in zip(ours, theirs, strict=True) if a.plausible_letters >= LEGIBLE
    ]
    mine, told = sum(a.total() for a, _ in pairs), sum(b.total() for _, b in pairs)
    shared = sum((a & b).total() for a, b in pairs)
    print(f"  words of the {len(pairs)} legible pages: {told:,} and {mine:,}, {shared:,} in common")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="data folder, or a folder of images")
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--split", default="test", help="folder of the images in the data folder")
    parser.add_argument("--languages", default="eng", help="such as kor,eng")
    parser.add_argument("--workers", type=int, default=num_cores())
    parser.add_argument("--steps", type=int, default=30, help="pages whose steps are measured")
    parser.add_argument("--compare", type=int, default=0, help="pages of the two comparisons")
    parser.add_argument("--out", type=Path, help="parquet file for the words")
    parser.add_argument("--cache", type=Path, help="cache folder; default: an empty one that is deleted")
    options = parser.parse_args()
    os.environ["OMP_THREAD_LIMIT"] = "1"
    cv2.setNumThreads(1)
    languages = tuple(options.languages.split(","))
    folder = options.data / options.split if (options.data / options.split).is_dir() else options.data
    files = find_pages(folder, options.pages)
    engine = TesseractEngine(languages)
    if options.steps:
        measure_steps(find_pages(folder, min(options.steps, options.pages)), engine)
    with tempfile.TemporaryDirectory() as empty:
        settings = ReadingSettings(text="ocr", languages=languages)
        words = measure_all(files, settings, options.workers, options.cache or Path(empty))
    if options.out:
        write_words(options.out, files, words)
    if options.compare:
        chosen = find_pages(folder, options.compare)
        os.environ.pop("OMP_THREAD_LIMIT")  # the command as anyone calls it
        compare_with_command(chosen, engine, languages, options.workers)
        compare_with_eight_poses(chosen, engine)


if __name__ == "__main__":
    main()
