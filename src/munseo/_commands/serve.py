"""``munseo serve``."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from munseo._commands import options
from munseo._console import quietly, say

if TYPE_CHECKING:
    from munseo._service.admission import Limits

EXAMPLES = (
    "`munseo serve runs/2507…` answers at http://127.0.0.1:8000/v1/predict",
    "`curl -F file=@scan.pdf http://127.0.0.1:8000/v1/predict`",
    "`MUNSEO_TOKEN=… munseo serve runs/2507… --host 0.0.0.0 --target-precision 0.99`",
)


def serve(
    run: options.RunArgument,
    *,
    host: options.Host = "127.0.0.1",
    port: options.Port = 8000,
    backend: options.Backend = "auto",
    device: options.Device = None,
    tta: options.Tta = None,
    second_look: options.SecondLook = None,
    abstain_below: options.AbstainBelow = None,
    target_precision: options.TargetPrecision = None,
    open_to_all: Annotated[
        bool, typer.Option("--open", help="Let other machines in without a token (MUNSEO_TOKEN).")
    ] = False,
    token: str | None = None,
    limits: Limits | None = None,
    quiet: options.Quiet = False,
) -> None:
    """Answer predictions over HTTP until Ctrl-C or SIGTERM; what was accepted by then is answered.

    Note:
        In Python, ``token`` is what every request must carry as ``Authorization: Bearer`` (default: the variable
        ``MUNSEO_TOKEN``), and ``limits`` bounds a request, and all requests together.

    Raises:
        UserError: There is no run, the port is taken, other machines reach the host without a token, or a package is
            missing.
    """
    from munseo._run import open_run
    from munseo._service import startup

    token = token if token is not None else os.environ.get(startup.TOKEN_VARIABLE) or None
    startup.check_access(host, token, open_to_all)
    folder = open_run(run)
    startup.need_packages()
    from munseo._prediction import PredictOptions
    from munseo._service.admission import Limits
    from munseo._service.server import listen
    from munseo._service.server import run as run_server
    from munseo._service.service import build

    limits = limits or Limits()
    listener = listen(host, port)
    chosen = PredictOptions(tta, second_look, abstain_below, target_precision, device, backend)
    with closing(listener), quietly(quiet):
        predictor = startup.load_predictor(folder, chosen)
        card = startup.model_card(predictor, limits)
        say(f"{folder.name}: http://{f'[{host}]' if ':' in host else host}:{port}/v1/predict")
        run_server(build(predictor, card, limits, token, startup.loopback_names(host)), listener, limits)
