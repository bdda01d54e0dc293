"""Messages and progress bars, all on standard error.

Results that a program may want to read go to standard output, and nothing here is mixed into them.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")
Advance = Callable[[int], object]
"""A function to call with the number of steps that were done since the last call."""

SECONDS_A_LINE = 30
"""Where no bar can be drawn, a line about the progress is printed this often, in seconds."""

console = Console(stderr=True, highlight=False)
_within_bar: ContextVar[bool] = ContextVar("within_bar", default=False)


@contextmanager
def quietly(quiet: bool = True) -> Iterator[None]:
    """Print nothing but errors within this block, if ``quiet``."""
    before = console.quiet
    console.quiet = before or quiet
    try:
        yield
    finally:
        console.quiet = before


def say(message: str) -> None:
    """Print one line; square brackets in it are text and not markup."""
    console.print(inert(message), markup=False, soft_wrap=True)


def inert(text: str) -> str:
    """Return text with visible control characters, so that no file name can move the cursor or rename the terminal."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda match: f"\\x{ord(match[0]):02x}", text)


def hush(*names: str) -> None:
    """Let these loggers of libraries report errors only."""
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)


def progress_bar() -> Progress:
    """Return a progress bar with counts, time spent and time left.

    It is drawn on a terminal only, and neither when quiet nor within ``pacing``: two bars at once would overwrite each
    other.
    """
    from rich import progress  # here, since no help and no message about a wrong path draws a bar

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(bar_width=None),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[note]}"),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
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
    """Show progress, speed and time left of work that may take hours, as a bar or as a line now and then.

    Args:
        description: Name of the work.
        total: Number of all steps.
        done: Number of steps that an earlier process has done.
        steps: Name of what is counted, such as ``files``.
        units: Name of what the speed is measured in, such as ``pages``.

    Yields:
        A function to call with the numbers of steps and units that were done since the last call.
    """
    bar = progress_bar()
    started = last_line = time.monotonic()
    num_steps = num_units = 0

    def advance(more_steps: int, more_units: int) -> None:
        nonlocal num_steps, num_units, last_line
        num_steps, num_units, now = num_steps + more_steps, num_units + more_units, time.monotonic()
        speed = f"{num_units / max(now - started, 1e-9):,.1f} {units}/s"
        bar.update(task, advance=more_steps, note=speed)
        if not console.is_terminal and now - last_line >= SECONDS_A_LINE and num_steps:
            last_line = now
            left = timedelta(seconds=round((now - started) * (total - done - num_steps) / num_steps))
            say(f"{description}: {done + num_steps:,} of {total:,} {steps}, {speed}, {left} left")

    within = _within_bar.set(True)
    try:
        with bar:
            task = bar.add_task(description, total=total, completed=done, note="")
            yield advance
    finally:
        _within_bar.reset(within)


@contextmanager
def phase(description: str, total: int, steps: str = "predictions") -> Iterator[Advance]:
    """Show the progress of one part of a longer work as a bar or, where there is no terminal, as a line at its end.

    Args:
        description: Name of the part.
        total: Number of its steps; it may end before.
        steps: Name of what is counted.

    Yields:
        A function to call with the number of steps that were done since the last call.
    """
    started, done = time.monotonic(), 0

    def count(number: int) -> None:
        nonlocal done
        done += number
        advance(number, number)

    with pacing(description, total, 0, steps, steps) as advance:
        yield count
    if not console.is_terminal:
        of = "" if done == total else f" of {total:,}"
        say(f"{description}: {done:,}{of} {steps}, {time.monotonic() - started:.0f} s")
