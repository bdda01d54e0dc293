"""``munseo ui``."""

from __future__ import annotations

import webbrowser
from dataclasses import replace
from pathlib import Path

from munseo._console import quietly, say
from munseo._errors import UserError
from munseo._prediction.decision import NoThresholdError
from munseo._prediction.predictor import PredictOptions
from munseo._run import RunFolder
from munseo._service.admission import Limits
from munseo._service.served_model import ServedModel
from munseo.api.serving import check_door, load_served, loopback_names, need_packages

PRECISION = 0.95
"""Of the pages that need no person, on the page where one tries a model."""
REVIEW_FILE = "review.csv"


def ui(
    runs: Path | str = "runs",
    data: Path | str | None = None,
    *,
    issues: Path | str | None = None,
    review: Path | str | None = None,
    host: str = "127.0.0.1",
    port: int = 8100,
    open_to_all: bool = False,
    browser: bool = False,
    quiet: bool = False,
) -> None:
    """Show runs, pages and reviews as a web page until SIGTERM or Ctrl-C.

    Args:
        runs: Folder of the runs.
        data: Data folder, for every run; None: where each run's data were, and nothing can be reviewed.
        issues: ``issues.csv`` of ``munseo doctor``; None: those in ``doctor-<name of the data>/``, if any.
        review: Where decisions go; None: ``review.csv`` in ``runs``.
        host: Address to listen at.
        port: Port to listen at.
        open_to_all: Allows another host than this machine; whoever reaches it may see and decide.
        browser: Open the page in a browser.
        quiet: Print nothing but errors.

    Raises:
        UserError: A folder or file is not there, the port is taken, or a package is missing.
    """
    runs_dir = Path(runs)
    if not runs_dir.is_dir():
        raise UserError(
            f"{runs_dir}: there is no such folder; `munseo train` makes it, or give the one your runs are in."
        )
    if data is not None and not Path(data).is_dir():
        raise UserError(f"{data}: there is no such data folder; set data_dir to where the tables and images are.")
    check_door(host, None, open_to_all)
    need_packages("ui")
    from munseo._service.server import listen, run
    from munseo._ui.site import Site
    from munseo._ui.web_app import build

    site = Site(runs_dir, None if data is None else Path(data), _issues(data, issues),
                Path(review) if review is not None else runs_dir / REVIEW_FILE)  # fmt: skip
    limits = Limits()
    try:
        door = listen(host, port)
    except OSError as error:
        raise UserError(f"{host}:{port}: cannot be listened at ({error.strerror}); choose another --port.") from None
    with quietly(quiet):
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
        say(f"munseo: {address}")
        if browser:
            webbrowser.open(address)
        run(build(site, _load, loopback_names(host)), door, limits)


def _issues(data: Path | str | None, given: Path | str | None) -> Path | None:
    if given is not None:
        if not Path(given).is_file():
            raise UserError(f"{given}: there is no such file; `munseo doctor` writes issues.csv.")
        return Path(given)
    usual = Path(f"doctor-{Path(data).resolve().name}") / "issues.csv" if data is not None else None
    return usual if usual is not None and usual.is_file() else None


def _load(run: RunFolder) -> ServedModel:
    """Load the run with a threshold that validation promises, where it can promise one.

    The runs may come from another machine, so the device is this machine's and not the run's.
    """
    options = PredictOptions(target_precision=PRECISION, device="auto", backend="auto")
    with quietly():
        try:
            return load_served(run, Limits(), options)
        except NoThresholdError:
            return load_served(run, Limits(), replace(options, target_precision=None))
