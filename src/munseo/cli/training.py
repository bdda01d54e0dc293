"""``munseo train`` and ``munseo resume``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from munseo._errors import Interrupted
from munseo.cli.words import ConfigArgument, OnBadImage, Overrides, Quiet, RunArgument


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog="Examples:\n\n"
        "`munseo train configs/rvl5.yaml data_dir=data/rvl5`\n\n"
        "`munseo train efficientnet_b4 data_dir=data lr=0.0003 n_folds=5`"
    )(train)
    app.command(epilog="Example: `munseo resume runs/2507051934-efficientnet_b4.ra2_in1k-…`")(resume)


def train(
    config: ConfigArgument, overrides: Overrides = None, on_bad_image: OnBadImage = None, quiet: Quiet = False
) -> None:
    """Train a model: checks the data, trains, judges, predicts the test part, writes the report."""
    from munseo.api.training import train as run_training

    with _saying_how_to_go_on():
        typer.echo(run_training(config, overrides or (), on_bad_image=on_bad_image, quiet=quiet))


def resume(
    run: RunArgument,
    data: Annotated[Path | None, typer.Option(help="Where the data are now; default: where they were.")] = None,
    num_workers: Annotated[
        int | None, typer.Option(min=0, help="Loader workers from now on; the end of the run is the same.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Continue an interrupted run from where its state was saved, to the same end."""
    from munseo.api.training import resume as run_resume

    with _saying_how_to_go_on():
        typer.echo(run_resume(run, data, num_workers=num_workers, quiet=quiet))


@contextmanager
def _saying_how_to_go_on() -> Iterator[None]:
    """Ctrl-C and SIGTERM end with 130 and 143, as a shell expects."""
    try:
        yield
    except Interrupted as stop:
        if not stop.message:  # one of several processes: the first one speaks
            raise typer.Exit from None
        print(f"munseo: {stop.message}", file=sys.stderr)
        raise typer.Exit(128 + stop.signum) from None
