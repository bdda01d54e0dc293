"""``munseo resume``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from munseo._commands.options import MovedData, Quiet, RunArgument
from munseo._console import quietly
from munseo._errors import UserError

EXAMPLES = (
    "`munseo resume runs/2507051934-efficientnet_b4.ra2_in1k-…`",
    "`munseo resume runs/2507051934-efficientnet_b4.ra2_in1k-… epochs=40`",
)


def resume(
    run: RunArgument,
    overrides: Annotated[
        Sequence[str],
        typer.Argument(
            metavar="epochs=N",
            help="Train until there are N epochs, more than planned; also after the end of the run.",
            show_default=False,
        ),
    ] = (),
    *,
    data: MovedData = None,
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
    """Continue an interrupted run from its saved state, or train a run longer: `munseo resume RUN epochs=40`.

    The result is the same as without the interruption. Settings and data have to be those of the start.

    Returns:
        The run folder.

    Raises:
        UserError: The folder holds no run, the run is finished, its settings or data have changed, an override is not
            ``epochs=N``, or another process works on the run.
        Interrupted: Ctrl-C or SIGTERM stopped the run again.
    """
    from munseo._run import open_run

    epochs = _more_epochs(overrides)
    folder = open_run(run)
    from munseo._training.resume import resume_run

    with quietly(quiet):
        return resume_run(folder, None if data is None else Path(data), num_workers, epochs)


def _more_epochs(overrides: Sequence[str]) -> int | None:
    """Return the number in ``epochs=N``; None without overrides."""
    problems, epochs = [], None
    for override in overrides:
        key, _, value = override.partition("=")
        if key.strip() != "epochs":
            problems.append(f"{override}: only epochs=N can be given; other settings stay, or are those of a new run")
        elif not (value.strip().isascii() and value.strip().isdigit() and len(value.strip()) < 10):
            problems.append(f"{override}: should be a whole number, such as epochs=40")
        else:
            epochs = int(value)
    if problems:
        raise UserError(
            "munseo resume takes epochs=N, the number of epochs to train in all, and nothing else.", problems
        )
    return epochs
