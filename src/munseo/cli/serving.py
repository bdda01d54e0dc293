"""``munseo serve``."""

from __future__ import annotations

from typing import Annotated

import typer

from munseo.cli.predicting import Device, Tta
from munseo.cli.words import Quiet, RunArgument


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:\n\n"
        "`munseo serve runs/2507…` answers at http://127.0.0.1:8000/v1/predict\n\n"
        "`curl -F file=@scan.pdf http://127.0.0.1:8000/v1/predict`\n\n"
        "`MUNSEO_TOKEN=… munseo serve runs/2507… --host 0.0.0.0 --target-precision 0.99`"
    )(serve)


def serve(
    run: RunArgument,
    host: Annotated[str, typer.Option(help="Address to listen at; default: this machine alone.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")] = 8000,
    backend: Annotated[
        str, typer.Option(help="torch, onnx, onnx-int8, openvino, openvino-int8, or auto for the fastest there is.")
    ] = "auto",
    device: Device = None,
    tta: Tta = None,
    second_look: Annotated[
        bool | None, typer.Option("--second-look/--no-second-look", help="Look again at uncertain pages.")
    ] = None,
    abstain_below: Annotated[float | None, typer.Option(help="Confidence under which a page needs a person.")] = None,
    target_precision: Annotated[
        float | None, typer.Option(help="The same, with the threshold that validation promises this precision for.")
    ] = None,
    open_to_all: Annotated[
        bool, typer.Option("--open", help="Let other machines in without a token (MUNSEO_TOKEN).")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Answer predictions over HTTP."""
    from munseo.api.serving import serve as run_server

    run_server(run, host=host, port=port, backend=backend, device=device, tta=tta, second_look=second_look,
               abstain_below=abstain_below, target_precision=target_precision, open_to_all=open_to_all,
               quiet=quiet)  # fmt: skip
