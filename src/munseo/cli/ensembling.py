"""``munseo ensemble``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from munseo.cli.words import Quiet


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: `munseo ensemble runs/2507… runs/2508… runs/2509… -o blend`")(ensemble)


def ensemble(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN RUN…", help="Two or more finished run folders.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A name (it then lies beside the first run) or a path.")
    ],
    stack: Annotated[bool, typer.Option("--stack", help="Logistic regression instead of weights.")] = False,
    seed: Annotated[int, typer.Option(help="Of the folds and bootstraps.")] = 42,
    quiet: Quiet = False,
) -> None:
    """Combine runs into one that predicts, and say whether it is better than its best member."""
    from munseo.api.ensembling import ensemble as combine

    typer.echo(combine(runs, output, stack=stack, seed=seed, quiet=quiet))
