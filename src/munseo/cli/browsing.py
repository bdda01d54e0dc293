"""``munseo ui``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from munseo.cli.words import Quiet


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:\n\n"
        "`munseo ui runs` shows the runs at http://127.0.0.1:8100\n\n"
        "`munseo ui runs --data my_data --issues doctor-my_data/issues.csv` reviews pages too"
    )(ui)


def ui(
    runs: Annotated[Path, typer.Argument(help="Folder of the runs.")] = Path("runs"),
    data: Annotated[Path | None, typer.Option(help="Data folder; needed to review, and where the data moved.")] = None,
    issues: Annotated[Path | None, typer.Option(help="issues.csv of munseo doctor, to be reviewed.")] = None,
    review: Annotated[Path | None, typer.Option(help="Where decisions go; default: review.csv in RUNS.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen at; default: this machine alone.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")] = 8100,
    open_to_all: Annotated[bool, typer.Option("--open", help="Let other machines see and decide.")] = False,
    browser: Annotated[
        bool | None,
        typer.Option("--browser/--no-browser", help="Open a browser; default: in a terminal of this machine."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Look at runs, mistakes and pages in a browser; review labels; try a model."""
    from munseo.api.browsing import ui as run_ui

    if browser is None:  # elsewhere it would be a browser of text, or none
        browser = sys.stdout.isatty() and "SSH_CONNECTION" not in os.environ
    run_ui(runs, data, issues=issues, review=review, host=host, port=port, open_to_all=open_to_all, browser=browser,
           quiet=quiet)  # fmt: skip
