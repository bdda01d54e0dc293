"""``munseo score``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from munseo._commands.options import Quiet, RunArgument
from munseo._console import quietly
from munseo._errors import UserError

EXAMPLES = ("`munseo score runs/2507… --public 0.8619`",)


def score(
    run: RunArgument,
    public: Annotated[float | None, typer.Option(help="Public score of the server, from 0 to 1.")] = None,
    private: Annotated[float | None, typer.Option(help="Private score of the server, from 0 to 1.")] = None,
    *,
    quiet: Quiet = False,
) -> dict[str, Any]:
    """Record the scores that the server gave; the report then compares them with validation.

    Returns:
        All recorded scores, and `generalisation`: the public score divided by validation macro-F1.

    Raises:
        UserError: The folder holds no run, no score is given, or a score is not between 0 and 1.
    """
    if public is None and private is None:
        raise UserError("score: give --public, --private, or both, such as --public 0.8619.")
    from munseo._run import open_run

    folder = open_run(run)
    from munseo._report import record_score, write_report

    with quietly(quiet):
        scores = record_score(folder, public, private)
        write_report(folder)
    return scores


def show(scores: dict[str, Any]) -> None:
    """Print one score a line."""
    for name, value in scores.items():
        if isinstance(value, float):
            typer.echo(f"{name}  {value:.4f}")
