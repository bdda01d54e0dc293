"""``munseo synth``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from munseo._commands.options import Quiet
from munseo._console import quietly

EXAMPLES = ("`munseo synth data/specimens --num-train 1570 --num-test 3140`",)


def synth(
    out: Annotated[Path | str, typer.Argument(metavar="OUT", help="A new folder.", show_default=False)],
    num_train: Annotated[int, typer.Option(help="Number of train pages.")] = 1570,
    num_test: Annotated[int, typer.Option(help="Number of test pages.")] = 3140,
    *,
    longest_side_px: Annotated[int, typer.Option(help="Longest side of a page, in pixels.")] = 640,
    seed: Annotated[int, typer.Option(help="The same seed draws the same bytes.")] = 42,
    quiet: Quiet = False,
) -> Path:
    """Draw the document set of 17 classes: clean train pages, damaged test pages, all values invented.

    The folder gets the layout of the competition, and `test_labels.csv`. The train pages have the competition's class
    imbalance; the test pages are rotated, mirrored, blurred and noisy.

    Returns:
        The folder.
    """
    from munseo._synth import generate

    with quietly(quiet):
        return generate(out, num_train=num_train, num_test=num_test, longest_side_px=longest_side_px, seed=seed)
