"""Loader workers that the system ended, as a rule because memory ran out: recognised, and told with a way on."""

from __future__ import annotations

import re

from munseo.errors import UserError
from munseo.run import RunFolder


def killed_workers(error: BaseException) -> str:
    """Process numbers of the workers that torch's loader missed, or nothing if the error is another one."""
    found = re.search(r"DataLoader worker \(pid\D*([\d, ]+)\)", str(error))
    return found[1] if found and isinstance(error, RuntimeError) else ""


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
