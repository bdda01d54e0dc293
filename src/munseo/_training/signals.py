"""Ctrl-C and SIGTERM: the step is finished, the state is saved, and the process says how to go on."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from munseo._console import console
from munseo._errors import Interrupted

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
