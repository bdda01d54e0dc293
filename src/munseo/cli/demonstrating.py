"""``munseo demo`` and ``munseo synth``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from munseo.cli.words import Quiet


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: `munseo demo`")(demo)
    app.command(epilog="Example: `munseo synth data/specimens --num-train 1570 --num-test 3140`")(synth)


def demo(
    out: Annotated[Path, typer.Argument(metavar="[OUT]", help="Where the data and the run go.")] = Path("demo"),
    quiet: Quiet = False,
) -> None:
    """See the whole way in a few minutes: draw documents, train, predict, score, report."""
    from munseo.api.demonstrating import demo as show

    typer.echo(show(out, quiet=quiet))


def synth(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder.", show_default=False)],
    num_train: Annotated[int, typer.Option(help="Pages of the train part.")] = 1570,
    num_test: Annotated[int, typer.Option(help="Pages of the test part.")] = 3140,
    longest_side_px: Annotated[int, typer.Option(help="Longest side of a page, in pixels.")] = 640,
    seed: Annotated[int, typer.Option(help="The same seed draws the same bytes.")] = 42,
    quiet: Quiet = False,
) -> None:
    """Draw the 17-class document set: clean train pages, damaged test pages, all values invented."""
    from munseo.api.demonstrating import synth as draw

    typer.echo(draw(out, num_train, num_test, longest_side_px=longest_side_px, seed=seed, quiet=quiet))
