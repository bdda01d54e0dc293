"""``munseo export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from munseo.cli.words import Quiet, RunArgument


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:\n\n"
        "`munseo export runs/2507… --format openvino`\n\n"
        "`munseo export runs/2507… --format onnx --int8 --max-loss 0.002`"
    )(export)


def export(
    run: RunArgument,
    form: Annotated[str, typer.Option("--format", metavar="onnx|openvino", help="What runs the model later.")],
    int8: Annotated[bool, typer.Option("--int8", help="Eight bits, calibrated on pages of the train part.")] = False,
    max_loss: Annotated[float, typer.Option(help="Macro-F1 that INT8 may cost; more is refused.")] = 0.005,
    data: Annotated[Path | None, typer.Option(help="Where the data are now; default: where they were.")] = None,
    quiet: Quiet = False,
) -> None:
    """Write a run's model for ONNX Runtime or OpenVINO, checked against torch on the validation pages."""
    from munseo.api.exporting import export as run_export

    for folder in run_export(run, form, int8=int8, max_loss=max_loss, data=data, quiet=quiet):
        typer.echo(folder)
