"""Loader workers that the system ended, as a rule because memory ran out: recognised, and told with a way on."""

from __future__ import annotations

import re
import signal
import traceback
from multiprocessing.connection import wait

from munseo._errors import UserError
from munseo._run import RunFolder


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
