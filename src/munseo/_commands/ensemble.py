"""``munseo ensemble``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from munseo._commands.options import Quiet, Seed
from munseo._console import quietly, say

EXAMPLES = ("`munseo ensemble runs/2507… runs/2508… runs/2509… -o blend`",)


def ensemble(
    runs: Annotated[
        Sequence[Path | str],
        typer.Argument(metavar="RUN", help="Two or more finished runs.", show_default=False),
    ],
    output: Annotated[
        Path | str,
        typer.Option(
            "--output", "-o", help="A path, or the name of a folder next to the first run.", show_default=False
        ),
    ],
    *,
    stack: Annotated[bool, typer.Option("--stack", help="Combine by logistic regression instead of weights.")] = False,
    seed: Seed = 42,
    quiet: Quiet = False,
) -> Path:
    """Combine runs into one that predicts, and report whether it is better than its best member.

    Returns:
        The run folder of the ensemble. `results.json` has the comparison under `ensemble`.

    Raises:
        UserError: The runs differ in their classes, labels or images, hold out different pages, or trained on pages
            that others are evaluated on.
    """
    from munseo._run import open_run

    paths = [open_run(run).path for run in runs]  # a wrong path is reported before torch is imported
    from munseo import _ensemble as ensembles
    from munseo._report import draw_plots, write_report
    from munseo._run.manifest import command_words

    with quietly(quiet):
        started = datetime.now().astimezone()
        members = ensembles.read_members(paths)
        path = ensembles.choose_folder(output, members)
        aligned = ensembles.align(members)
        for note in aligned.notes:
            say(str(note))
        judgement = ensembles.judge(aligned, "stack" if stack else "weights", seed)
        combined = ensembles.write_ensemble(path, aligned, judgement, seed, command_words(), started)
        draw_plots(combined)
        write_report(combined)
        names = [member.name for member in members]
        weights = ensembles.weights_of(judgement, len(names))
        for line in (*ensembles.table(judgement, names, weights), *ensembles.sentences(judgement, names)):
            say(line)
    return combined.path
