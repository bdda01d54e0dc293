"""Ctrl-C and SIGTERM: the step is finished, the state is saved, and the process says how to go on."""

from __future__ import annotations

import os
import re
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from types import FrameType
from typing import Any

from munseo._console import console
from munseo._errors import Interrupted, UserError
from munseo._run import RunFolder

SIGNALS = (signal.SIGINT, signal.SIGTERM)
Handler = Callable[[int, FrameType | None], Any] | int | None


class StopRequested(BaseException):
    """Leaves training after the state was saved. Lightning would answer a ``KeyboardInterrupt`` with an exit."""


class StopSignals:
    """Notes the first signal, for the next step to see; a second one ends the process at once.

    Python allows handlers in the main thread alone; elsewhere nothing is noted.
    """

    def __init__(self) -> None:
        self.signum = 0
        self._pid = os.getpid()

    def take(self) -> None:
        """Install the handlers, in place of whoever has done so before."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:
            return  # a forked loader worker, which Ctrl-C in a terminal reaches, too: it is still needed
        self.signum = number
        for other in SIGNALS:
            signal.signal(other, signal.SIG_DFL)
        if not console.quiet:
            # Not by the console: the signal may have come while it prints.
            os.write(2, b"\nmunseo: saving the state after this step; once more ends at once\n")


@contextmanager
def noting_signals() -> Iterator[StopSignals]:
    """While training: signals are noted, and looked at between two steps."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signals = StopSignals()
    signals.take()
    try:
        yield signals
    finally:
        _restore(before)


@contextmanager
def ending_on_sigterm() -> Iterator[None]:
    """Where there is no step to wait for: SIGTERM ends the work as Ctrl-C does."""
    before = {signal.SIGTERM: signal.getsignal(signal.SIGTERM)}
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        _restore(before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)


def _restore(before: dict[signal.Signals, Handler]) -> None:
    if threading.current_thread() is threading.main_thread():
        for number, handler in before.items():
            signal.signal(number, handler)


def killed_workers(error: BaseException) -> str:
    """Process numbers of the workers that torch's loader missed, or nothing if the error is another one."""
    if isinstance(error, (OSError, EOFError)):
        return _silent_workers(error)
    found = re.search(r"DataLoader worker \(pid\D*([\d, ]+)\)", str(error))
    return found[1] if found and isinstance(error, RuntimeError) else ""


def _silent_workers(error: BaseException) -> str:
    """Of an error of the connection to a worker that died while its batch was fetched: torch gives it as it is."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        workers = getattr(frame.f_locals.get("self"), "_workers", ())
        if workers:  # the connection may be gone a moment before the process is
            wait([worker.sentinel for worker in workers], timeout=5)
        dead = [worker.pid for worker in workers if (worker.exitcode or 0) < 0 and worker.exitcode != -signal.SIGTERM]
        if dead:
            return ", ".join(map(str, dead))
    return ""


def describe_killed(pids: str, place: str, run: RunFolder, num_workers: int) -> UserError:
    """What is told of them.

    Args:
        pids: Their process numbers.
        place: How far the run is, and what of it is saved.
        run: The run, or one fold of it.
        num_workers: How many workers it had.
    """
    whole = run.path.parent if run.is_fold else run.path
    return UserError(
        f"A loader worker (process {pids}) was killed {place}. As a rule the machine ran out of memory; the end of "
        f"the run is the same with fewer workers: munseo resume {whole} --num-workers {max(0, num_workers - 1)}"
    )
