"""``munseo report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from munseo._commands.options import Quiet, RunArgument
from munseo._console import quietly
from munseo._errors import UserError

EXAMPLES = ("`munseo report runs/2507… --lang ko`",)
FILES = {"en": "report.html", "ko": "report.ko.html"}


def report(
    run: RunArgument,
    lang: Annotated[str, typer.Option(help="Language of the report whose path is printed: en or ko.")] = "en",
    *,
    quiet: Quiet = False,
) -> Path:
    """Draw the plots and write the report again, in both languages, from the run folder only.

    Returns:
        The HTML file in the requested language.

    Raises:
        UserError: The folder holds no run, or there is no report in this language.
    """
    if lang not in FILES:
        raise UserError(f"lang: {lang!r} is not allowed; should be en or ko.")
    from munseo._run import open_run

    folder = open_run(run)
    from munseo._report import draw_plots, write_report

    with quietly(quiet):
        draw_plots(folder)
        write_report(folder)
    return folder.path / FILES[lang]
