"""``munseo resume``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from munseo._commands.options import MovedData, Quiet, RunArgument
from munseo._console import quietly

EXAMPLES = ("`munseo resume runs/2507051934-efficientnet_b4.ra2_in1k-…`",)


def resume(
    run: RunArgument,
    data: MovedData = None,
    *,
    num_workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Number of loader workers from now on; the result of the run does not depend on it.",
        ),
    ] = None,
    quiet: Quiet = False,
) -> Path:
    """Continue an interrupted run from its saved state.

    The result is the same as without the interruption.

    Returns:
        The run folder.

    Raises:
        UserError: The folder holds no run, the run is finished, its data have changed, or another process works on it.
        Interrupted: Ctrl-C or SIGTERM stopped the run again.
    """
    from munseo._run import open_run

    folder = open_run(run)
    from munseo._training.resume import resume_run

    with quietly(quiet):
        return resume_run(folder, None if data is None else Path(data), num_workers)
