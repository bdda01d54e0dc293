"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run folder, such as runs/2507051934-….", show_default=False)
]
ConfigArgument = Annotated[
    str, typer.Argument(metavar="CONFIG", help="A YAML file, or a template's name (see `munseo config list`).")
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]…", help="Changes to the file: lr=0.0003 wandb.log=true", show_default=False),
]
OnBadImage = Annotated[
    str | None,
    typer.Option(
        "--on-bad-image", metavar="fail|skip", help="What to do with images that cannot be read; default: fail."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but results and errors.")]
