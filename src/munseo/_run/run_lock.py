"""The lock of a run folder: one process at a time works on a run, and the lock file says which."""

from __future__ import annotations

import errno
import json
import os
import shlex
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, BinaryIO

import psutil

from munseo._console import say
from munseo._errors import UserError
from munseo._run.atomic import remove_half_written
from munseo._run.manifest import command_words
from munseo._run.run_folder import RunFolder

_FAR = 1 << 20
"""Windows also locks bytes against reading; locking one far behind the text keeps the text readable."""
_RELEASE_S = 2.0
"""How long to wait for a lock whose recorded holder has ended: loader workers that it forked release it when they
run for the first time, and a process that takes the lock writes its name a moment later."""
_held: set[BinaryIO] = set()


def _let_go_in_child() -> None:
    """Close the lock in forked loader workers, which would otherwise keep it after their parent was killed."""
    for file in _held:
        file.close()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_in_child)


@contextmanager
def claim(run: RunFolder) -> Iterator[None]:
    """Hold a run folder for this process.

    The system releases the lock of a process that ends, however it ends, so a lock file that was left over is
    not mistaken for one that is held. On file systems without locks the text in the file decides: the process that it
    names still holds the run, unless it was a process of this machine that has ended.

    Raises:
        UserError: Another process works on the run; the message names it.
    """
    file = _open(run)
    try:
        before = _read(file)
        if before is not None:
            say(f"lock: taken over from {_describe(before)}, which ended before the run was done")
        with suppress(OSError):  # on a full disk the lock works without its text
            _write(file)
        remove_half_written(run.path)
        yield
    finally:
        _held.discard(file)
        with suppress(OSError):  # Windows: the file is open
            run.lock_file.unlink(missing_ok=True)
        file.close()


def _open(run: RunFolder) -> BinaryIO:
    patience_ends = time.monotonic() + _RELEASE_S
    while True:
        descriptor = os.open(run.lock_file, os.O_RDWR | os.O_CREAT, 0o644)
        file = os.fdopen(descriptor, "rb+", buffering=0)
        _held.add(file)
        try:
            file.seek(_FAR)
            free = lock(file)
        except OSError:  # a file system without locks
            free = not _still_works(_read(file))
        if free and _is_current(file, run):
            return file
        holder = _read(file)
        _held.discard(file)
        file.close()
        if not free and not _still_works(holder) and time.monotonic() < patience_ends:
            time.sleep(0.05)
        elif not free:
            who = _describe(holder) if holder else "another process"
            raise UserError(
                f"{run.path}: {who} is at work on this run. Wait until it "
                f"is done, or end it first. If it cannot be at work any more, delete {run.lock_file}."
            )


def _is_current(file: BinaryIO, run: RunFolder) -> bool:
    """Return whether the locked file is still the file of that name; its holder deletes it when it ends."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), run.lock_file.stat())
    except FileNotFoundError:
        return False


def _write(file: BinaryIO) -> None:
    me = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "process_started": psutil.Process().create_time(),
        "since": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": shlex.join(command_words()),
    }
    file.seek(0)
    file.truncate()
    file.write(json.dumps(me).encode())


def _read(file: BinaryIO) -> dict[str, Any] | None:
    file.seek(0)
    try:
        holder = json.loads(file.read(_FAR))
        return holder if {"host", "pid", "process_started", "since", "command"} <= set(holder) else None
    except (ValueError, TypeError):
        return None


def _still_works(holder: dict[str, Any] | None) -> bool:
    if holder is None:
        return False
    if holder["host"] != socket.gethostname():
        return True
    try:
        return bool(abs(psutil.Process(holder["pid"]).create_time() - holder["process_started"]) < 1)
    except psutil.Error:
        return False


def _describe(holder: dict[str, Any]) -> str:
    return f"process {holder['pid']} on {holder['host']} (since {holder['since']}: {holder['command']})"


_BUSY = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)

if sys.platform == "win32":
    import msvcrt

    def lock(file: BinaryIO, *, shared: bool = False, wait: bool = False) -> bool:
        """Lock an open file, as below. Windows refuses to delete open files, so shared locks are not needed there."""
        while not shared:
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            except OSError as error:
                if error.errno not in _BUSY:
                    raise
                if not wait:
                    return False
                time.sleep(0.2)
            else:
                break
        return True

else:
    import fcntl

    def lock(file: BinaryIO, *, shared: bool = False, wait: bool = False) -> bool:
        """Lock an open file until it is closed.

        Args:
            file: Open for reading and writing, or only for reading if the lock is shared.
            shared: Other processes may share the lock, but not hold it exclusively.
            wait: Wait until it is free.

        Returns:
            Whether the lock is held now.

        Raises:
            OSError: The file system has no locks.
        """
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(file, kind if wait else kind | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _BUSY:
                raise
            return False
        return True
