"""The words of many pages: those that were given, those that were read before, and the others read in processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from pathlib import Path

import cv2

from munseo._console import pacing, say
from munseo._words.page_words import NO_WORDS, PageWords
from munseo._words.reading_settings import ReadingSettings
from munseo._words.word_engine import WordEngine
from munseo._words.word_sources import PageSource, found_words, given_words
from munseo._words.word_store import WordStore

PAGES_AHEAD = 3
"""Pages that wait for each process."""


def read_words(
    pages: Sequence[PageSource],
    settings: ReadingSettings,
    cache_dir: Path | None,
    workers: int,
    progress: str | None = "Reading words",
) -> list[PageWords]:
    """Return the words of pages, in their order; the same for any number of processes.

    Each page is read once for these settings. What was read is kept in the cache, also if the process is killed.

    Args:
        pages: The pages.
        settings: How their words are to be found.
        cache_dir: The cache folder; None keeps nothing.
        workers: Number of processes that read; 0 reads in this one.
        progress: Name of the work in its progress, with the time that is left; None shows none.

    Raises:
        UserError: The engine, the data of a language or a file beside a page cannot be read.
    """
    words: list[PageWords | None] = [given_words(page, settings) for page in pages]
    wanted: dict[str, list[int]] = {}
    for index, page in enumerate(pages):
        if words[index] is None:
            wanted.setdefault(page.key, []).append(index)
    if not wanted:
        return [found or NO_WORDS for found in words]
    settings.check()
    with ExitStack() as stack:
        store = None
        if cache_dir is not None:
            store = WordStore(cache_dir, settings.version())
            stack.callback(store.close)
            for key, found in store.find(list(wanted)).items():
                for index in wanted.pop(key):
                    words[index] = found
        advance: Callable[[int, int], None] | None = None
        if progress is not None and wanted:
            num_known = len(pages) - sum(map(len, wanted.values()))
            advance = stack.enter_context(pacing(progress, len(pages), num_known, "pages", "pages"))
        missing = [pages[indices[0]] for indices in wanted.values()]
        for page, read in zip(missing, _read(missing, settings, workers), strict=True):
            indices = wanted[page.key]
            for index in indices:
                words[index] = read or NO_WORDS
            if store is not None and read is not None:
                store.add(page.key, read)
            if advance is not None:
                advance(len(indices), len(indices))
    return [found or NO_WORDS for found in words]


def _read(pages: Sequence[PageSource], settings: ReadingSettings, workers: int) -> Iterator[PageWords | None]:
    """Yield the words of pages, read in this process or in others."""
    if not pages:
        return
    if workers == 0:
        engine = settings.open_engine()
        for page in pages:
            yield found_words(page, settings, engine)
        return
    done = 0
    while done < len(pages):
        try:
            for words in _read_in_processes(pages[done:], settings, min(workers, len(pages) - done)):
                yield words
                done += 1
        except BrokenProcessPool:
            # Some page ended its process. The next one is read alone, so that the page that does it again is known.
            yield _read_alone(pages[done], settings)
            done += 1


def _read_in_processes(
    pages: Sequence[PageSource], settings: ReadingSettings, workers: int
) -> Iterator[PageWords | None]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_begin_worker, initargs=(settings,))
    try:
        waiting: deque[Future[PageWords | None]] = deque()
        remaining = iter(pages)
        for page in remaining:
            waiting.append(pool.submit(_read_in_worker, page))
            if len(waiting) >= PAGES_AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _read_alone(page: PageSource, settings: ReadingSettings) -> PageWords | None:
    try:
        return next(_read_in_processes([page], settings, 1))
    except BrokenProcessPool:
        say(f"words: the engine ended while it read the page {page.key}; it is taken for a page without words")
        return NO_WORDS


_settings: ReadingSettings
_engine: WordEngine | None


def _begin_worker(settings: ReadingSettings) -> None:
    global _settings, _engine
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits for the words
    os.environ["OMP_THREAD_LIMIT"] = "1"  # before an engine is loaded: every core has a process
    cv2.setNumThreads(1)
    _settings, _engine = settings, settings.open_engine()


def _read_in_worker(page: PageSource) -> PageWords | None:
    return found_words(page, _settings, _engine)
