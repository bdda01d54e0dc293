"""What Munseo says while it works: messages, and a progress bar, on standard error.

Results a program may want to read go to standard output; everything here stays out of their way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

T = TypeVar("T")

console = Console(stderr=True, highlight=False)


@contextmanager
def quietly(quiet: bool = True) -> Iterator[None]:
    """Within this block nothing but errors is printed, if ``quiet``."""
    before = console.quiet
    console.quiet = before or quiet
    try:
        yield
    finally:
        console.quiet = before


def say(message: str) -> None:
    """Print one line of progress; square brackets in it are text, not markup."""
    console.print(message, markup=False, soft_wrap=True)


def progress_bar() -> Progress:
    """A progress bar with counts, time spent and time left; drawn on a terminal, silent elsewhere and when quiet."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=console.quiet or not console.is_terminal,
    )


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Yield the items while a progress bar counts them."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with progress_bar() as bar:
        task = bar.add_task(description, total=total, note="")
        for item in items:
            yield item
            bar.advance(task)
