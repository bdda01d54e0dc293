"""Ends a run after Ctrl-C, SIGTERM, the loss of a loader worker or a full disk, so that it can be resumed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from multiprocessing.connection import wait
from types import FrameType

from munseo._console import console
from munseo._errors import Interrupted, NoRoomError, UserError
from munseo._run import RunFolder, claim
from munseo._training.hardware import rank

SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""The signals that stop a run such that it can be resumed."""


class StopRequested(BaseException):
    """Leaves training after the state was saved.

    It is no ``KeyboardInterrupt``, since Lightning would catch that and end the process.
    """


class StopSignals:
    """Notes the first signal, for the next step to see; a second one ends the process at once.

    ``signum`` is that signal, or 0. Python allows handlers in the main thread only; in others nothing is noted.
    """

    def __init__(self) -> None:
        self.signum = 0
        self._pid = os.getpid()

    def take(self) -> None:
        """Install the handlers, also over those that a library has installed in the meantime."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._pid:
            return  # This is a forked loader worker. Ctrl-C in a terminal reaches it too, but it is still needed.
        self.signum = number
        for stop_signal in SIGNALS:
            signal.signal(stop_signal, signal.SIG_DFL)
        if not console.quiet:
            # Not through the console: the signal may have come while it prints.
            os.write(2, b"\nmunseo: saving the state after this step; once more ends at once\n")


@contextmanager
def noting_signals() -> Iterator[StopSignals]:
    """Note signals during training, so that they are acted on between two steps."""
    with _restoring(*SIGNALS):
        signals = StopSignals()
        signals.take()
        yield signals


@contextmanager
def resumable(run: RunFolder) -> Iterator[None]:
    """Lock a run while it is worked on, and tell the user how to resume it if the work ends early.

    Raises:
        UserError: Another process works on the run, the disk is full, a loader worker was killed, or the input is
            wrong.
        Interrupted: The run was stopped by a signal.
    """
    command = f"munseo resume {shlex.quote(str(run.path))}"
    is_first = rank() == 0
    try:
        with claim(run) if is_first else nullcontext(), _ending_on_sigterm():
            try:
                yield
            except NoRoomError as error:
                raise UserError(_no_room(error, run, command)) from error
            except (RuntimeError, OSError, EOFError) as error:
                pids = killed_workers(error)
                if not pids:
                    raise
                raise describe_killed(pids, "after training; the state is saved", run, 1) from None
    except KeyboardInterrupt as stop:
        signum = stop.signum if isinstance(stop, Interrupted) else signal.SIGINT
        progress = f" {stop}" if str(stop) else ""
        raise Interrupted(signum, f"stopped{progress}. Go on with: {command}" if is_first else "") from None


@contextmanager
def marking_failure(run: RunFolder) -> Iterator[None]:
    """Mark a run as failed if the input turns out to be wrong while it is trained, judged or reported."""
    try:
        yield
    except UserError:
        if rank() == 0:
            # The user's error is reported, not that it could not be noted.
            with suppress(OSError, UserError):
                run.update_manifest(status="failed")
        raise


def _no_room(error: NoRoomError, run: RunFolder, command: str) -> str:
    needed = "" if error.needed is None else f"{error.needed / 1e6:.1f} MB are needed, "
    free = shutil.disk_usage(run.path).free
    return (
        f"{error.filename}: could not be written ({error.strerror}): {needed}{free / 1e6:.1f} MB are free. What was "
        f"saved before is still whole. Make room there, or move the run folder to another disk; then: {command}"
    )


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """Let SIGTERM end the work as Ctrl-C does, where there is no training step to wait for."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    with _restoring(signal.SIGTERM):
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, interrupt)
        yield


@contextmanager
def _restoring(*signals: signal.Signals) -> Iterator[None]:
    """Put the handlers of these signals back at the end of the block."""
    before = {number: signal.getsignal(number) for number in signals}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)


def killed_workers(error: BaseException) -> str:
    """Return the process IDs of loader workers that were killed, or an empty string if the error has another cause.

    The system kills workers mostly when memory runs out.
    """
    if isinstance(error, (OSError, EOFError)):
        return _workers_lost_in_a_fetch(error)
    match = re.search(r"DataLoader worker \(pid\D*([\d, ]+)\)", str(error))
    return match[1] if match and isinstance(error, RuntimeError) else ""


def _workers_lost_in_a_fetch(error: BaseException) -> str:
    """Find the workers that died while a batch was fetched from them.

    torch then raises the bare error of the connection, without the process. Its loader is still a local variable of a
    frame of the traceback, and knows its workers; there is no public way to ask for them.
    """
    for frame, _ in traceback.walk_tb(error.__traceback__):
        workers = getattr(frame.f_locals.get("self"), "_workers", ())
        if workers:  # The connection may be gone a moment before the process is.
            wait([worker.sentinel for worker in workers], timeout=5)
        dead = [worker.pid for worker in workers if (worker.exitcode or 0) < 0 and worker.exitcode != -signal.SIGTERM]
        if dead:
            return ", ".join(map(str, dead))
    return ""


def describe_killed(pids: str, progress: str, run: RunFolder, num_workers: int) -> UserError:
    """Return the error that tells the user which loader workers of a run or fold were killed, and how to go on.

    ``progress`` is how far the run is, and what of it is saved.
    """
    whole = run.path.parent if run.is_fold else run.path
    return UserError(
        f"A loader worker (process {pids}) was killed {progress}. As a rule the machine ran out of memory; the end of "
        f"the run is the same with fewer workers: munseo resume {whole} --num-workers {max(0, num_workers - 1)}"
    )
