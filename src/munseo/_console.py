"""What Munseo says while it works: messages, and a progress bar, on standard error.

Results a program may want to read go to standard output; everything here stays out of their way.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
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

SECONDS_A_LINE = 30
"""Where no bar can be drawn, a long work says so often how far it is."""

console = Console(stderr=True, highlight=False)
_within_bar: ContextVar[bool] = ContextVar("within_bar", default=False)


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
    console.print(inert(message), markup=False, soft_wrap=True)


def inert(text: str) -> str:
    """Text in which no file's name can move the cursor, colour or rename the terminal: control characters are shown."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda found: f"\\x{ord(found[0]):02x}", text)


def hush(*names: str) -> None:
    """Let the loggers of a library speak of errors alone."""
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)


def progress_bar() -> Progress:
    """A progress bar with counts, time spent and time left; drawn on a terminal, silent elsewhere and when quiet.

    Within ``pacing`` none is drawn: two bars at once would overwrite each other.
    """
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=console.quiet or not console.is_terminal or _within_bar.get(),
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


@contextmanager
def pacing(description: str, total: int, done: int, steps: str, units: str) -> Iterator[Callable[[int, int], None]]:
    """Say how far a work of hours is, how fast it goes, and how long it still takes: a bar, or now and then a line.

    Args:
        description: What is done.
        total: Steps of the whole.
        done: Steps that an earlier process has taken.
        steps: What is counted, such as ``files``.
        units: What the speed is told in, such as ``pages``.

    Yields:
        A function to call with the steps and the units that have been done since the last call.
    """
    bar = progress_bar()
    started = said = time.monotonic()
    num_steps = num_units = 0

    def advance(more_steps: int, more_units: int) -> None:
        nonlocal num_steps, num_units, said
        num_steps, num_units, now = num_steps + more_steps, num_units + more_units, time.monotonic()
        speed = f"{num_units / max(now - started, 1e-9):,.1f} {units}/s"
        bar.update(task, advance=more_steps, note=speed)
        if not console.is_terminal and now - said >= SECONDS_A_LINE and num_steps:
            said = now
            left = timedelta(seconds=round((now - started) * (total - done - num_steps) / num_steps))
            say(f"{description}: {done + num_steps:,} of {total:,} {steps}, {speed}, {left} left")

    within = _within_bar.set(True)
    try:
        with bar:
            task = bar.add_task(description, total=total, completed=done, note="")
            yield advance
    finally:
        _within_bar.reset(within)
