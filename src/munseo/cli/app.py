"""The application and its commands in the order in which people meet them."""

from __future__ import annotations

from typing import Annotated

import typer

from munseo import __version__
from munseo.cli import (
    benching,
    browsing,
    caching,
    configuring,
    demonstrating,
    doctoring,
    ensembling,
    exporting,
    predicting,
    reporting,
    serving,
    shifting,
    training,
)

app = typer.Typer(
    name="munseo",
    help="Train, judge and explain classifiers of document images.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"munseo {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Options that stand before a command."""


demonstrating.register(app)
doctoring.register(app)
shifting.register(app)
training.register(app)
predicting.register(app)
ensembling.register(app)
exporting.register(app)
serving.register(app)
browsing.register(app)
reporting.register(app)
caching.register(app)
app.add_typer(benching.app, name="bench")
app.add_typer(configuring.app, name="config")
