"""``munseo ui``."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from munseo._commands.options import Host, Port, Quiet, existing_data, existing_runs
from munseo._console import quietly, say
from munseo._errors import UserError

if TYPE_CHECKING:
    from munseo._prediction import Predictor
    from munseo._run import RunFolder

EXAMPLES = (
    "`munseo ui runs` shows the runs at http://127.0.0.1:8100",
    "`munseo ui runs --data my_data --issues doctor-my_data/issues.csv` reviews pages too",
)
PRECISION = 0.95
"""Precision of the predictions that need no person, on the page where one tries a model."""
REVIEW_FILE = "review.csv"


def ui(
    runs: Annotated[Path | str, typer.Argument(metavar="RUNS", help="Folder of the runs.")] = "runs",
    data: Annotated[
        Path | str | None, typer.Option(help="Data folder: needed for reviews, and where the data have moved.")
    ] = None,
    *,
    issues: Annotated[
        Path | str | None,
        typer.Option(help="The issues.csv of `munseo doctor` to review; default: that in doctor-DATA/, if any."),
    ] = None,
    review: Annotated[
        Path | str | None, typer.Option(help="File for the decisions; default: review.csv in RUNS.")
    ] = None,
    host: Host = "127.0.0.1",
    port: Port = 8100,
    open_to_all: Annotated[bool, typer.Option("--open", help="Let other machines see and decide.")] = False,
    browser: Annotated[
        bool | None,
        typer.Option("--browser/--no-browser", help="Open a browser; default: in a terminal of this machine."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Look at runs, mistakes and pages in a browser, review labels, and try a model.

    The page is there until Ctrl-C or SIGTERM.

    Raises:
        UserError: A folder or file does not exist, the port is taken, or a package is missing.
    """
    runs_dir = existing_runs(runs)
    data_dir = None if data is None else existing_data(data)
    issues_file = _issues_file(data, issues)
    from munseo._service.startup import check_access, loopback_names, need_packages

    check_access(host, None, open_to_all)
    need_packages("ui")
    from munseo._service.admission import Limits
    from munseo._service.server import listen, run
    from munseo._ui.site import Site
    from munseo._ui.web_app import build

    review_file = Path(review) if review is not None else runs_dir / REVIEW_FILE
    site = Site(runs_dir, data_dir, issues_file, review_file)
    listener = listen(host, port)
    with quietly(quiet):
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
        say(f"munseo: {address}")
        # Over SSH the browser would be one of text, or none.
        if browser or (browser is None and sys.stdout.isatty() and "SSH_CONNECTION" not in os.environ):
            webbrowser.open(address)
        run(build(site, _load, loopback_names(host)), listener, Limits())


def _issues_file(data: Path | str | None, issues: Path | str | None) -> Path | None:
    if issues is not None:
        if not Path(issues).is_file():
            raise UserError(f"{issues}: there is no such file; `munseo doctor` writes issues.csv.")
        return Path(issues)
    default = Path(f"doctor-{Path(data).resolve().name}") / "issues.csv" if data is not None else None
    return default if default is not None and default.is_file() else None


def _load(run: RunFolder) -> Predictor:
    """Load a run with a threshold that validation supports, if there is one.

    The runs may come from another machine, so the device is chosen for this machine.
    """
    from dataclasses import replace

    from munseo._prediction.decision import NoThresholdError
    from munseo._prediction.predictor import PredictOptions
    from munseo._service.startup import load_predictor

    options = PredictOptions(target_precision=PRECISION, device="auto", backend="auto")
    with quietly():
        try:
            return load_predictor(run, options)
        except NoThresholdError:
            return load_predictor(run, replace(options, target_precision=None))
