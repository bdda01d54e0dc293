"""From a list of files to their pages, decoded ahead of the consumer."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Generic, TypeVar

import numpy as np

from munseo._data.container.archive_bytes import COMPRESSED, open_compressed, read_member
from munseo._data.decoder import FilePage, decode_pages
from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError
from munseo._data.source import Source
from munseo._data.stream.read_ahead import read_ahead

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StreamedPage(Generic[T]):
    """One page of the stream, which becomes one row of the output."""

    index: int  # index of its file in the list, of which ``is_last`` marks the last page
    id: str  # ID of the file, with ``#<page number>`` if the file has several pages
    where: str  # the path, with the name in the archive and the page number
    content: T | None  # what was made of its pixels; None if there is a problem
    problem: ImageProblem | None
    is_last: bool
    has_square_pixels: bool = True  # whether the page was not stretched to its true shape


def stream_pages(
    sources: Iterable[Source],
    start: int,
    prepare: Callable[[np.ndarray], T],
    num_threads: int,
    num_pages: int,
) -> Generator[StreamedPage[T], None, None]:
    """Decode files in threads and yield their pages in order. What cannot be read is yielded as a page with a problem.

    Args:
        sources: The files.
        start: The index of the first file.
        prepare: Makes the content of a page from its pixels, upright uint8 RGB (H, W, 3) or grey (H, W); called
            in the threads.
        num_threads: The number of files that are decoded at once.
        num_pages: The number of prepared pages that may wait.
    """

    def read(task: _Task) -> Iterator[StreamedPage[T]]:
        for page in _decoded(task):
            mark = f"#{page.number}" if page.num_pages > 1 else ""
            content, problem = None, page.problem
            if page.pixels is not None:
                try:
                    content = prepare(page.pixels)
                # One unusual page among a million must not stop the work.
                except Exception as error:
                    problem = ImageProblem(ProblemCode.NOT_PREPARED, error=f"{type(error).__name__}: {error}")
            source, last = task.source, page.number == page.num_pages
            yield StreamedPage(
                task.index, source.id + mark, source.where + mark, content, problem, last, page.has_square_pixels
            )

    yield from read_ahead(_tasks(sources, start), read, num_threads, num_pages)


@dataclass(frozen=True, slots=True)
class _Task:
    index: int
    source: Source
    data: bytes | None
    problem: ImageProblem | None


def _decoded(task: _Task) -> Iterator[FilePage]:
    source, data = task.source, task.data
    if task.problem is not None:
        yield FilePage(1, 1, None, task.problem)
    else:
        yield from decode_pages(source.file if data is None else data, source.id)


def _tasks(sources: Iterable[Source], start: int) -> Iterator[_Task]:
    """Number the files, and read those of compressed archives, which can be read only one after the other."""
    opened: tuple[str, IO[bytes]] | None = None
    try:
        for index, source in enumerate(sources, start):
            data, problem = None, source.problem
            member = source.member
            if member is not None and problem is None and member.codec in COMPRESSED:
                try:
                    if opened is None or opened[0] != source.path:
                        if opened is not None:
                            opened[1].close()
                        opened = source.path, open_compressed(source.path, member.codec)
                    data = read_member(source.path, member, opened[1])
                except UnreadableError as error:
                    problem = error.problem
                except OSError as error:
                    problem = ImageProblem(ProblemCode.OTHER, text=str(error))
            yield _Task(index, source, data, problem)
    finally:
        if opened is not None:
            opened[1].close()
