"""Arguments and options that several commands share, and the checks of paths that need no heavy import."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from munseo._engines import BACKENDS
from munseo._errors import UserError

Language = Literal["en", "ko"]

RunArgument = Annotated[
    Path | str,
    typer.Argument(
        metavar="RUN",
        help="A run: its folder, the beginning of its name (2507051934, see `munseo runs`), or latest.",
        show_default=False,
    ),
]
DataArgument = Annotated[Path | str, typer.Argument(metavar="DATA", help="A data folder.", show_default=False)]
CONFIG = typer.Argument(metavar="CONFIG", help="A YAML file, or the name of a template (see `munseo config list`).")
ConfigArgument = Annotated[str | Path, CONFIG]
Overrides = Annotated[
    Sequence[str],
    typer.Argument(
        metavar="KEY=VALUE", help="Changes to the configuration: lr=0.0003 wandb.log=true", show_default=False
    ),
]
OnBadImage = Annotated[
    str | None, typer.Option(metavar="fail|skip", help="What to do with images that cannot be read; default: fail.")
]
Excel = Annotated[
    bool, typer.Option("--excel", help="Begin a CSV with a byte order mark, without which Excel garbles Hangul.")
]
FollowAllLinks = Annotated[
    bool, typer.Option("--follow-links", help="Read what links lead to, wherever that is, also folders.")
]
FollowLinks = Annotated[
    bool | None,
    typer.Option(
        "--follow-links/--no-follow-links",
        help="Read what links in folders lead to, wherever that is, also folders; default: as the run was configured.",
    ),
]
MovedData = Annotated[
    Path | str | None, typer.Option("--data", help="Where the data are now; default: where they were.")
]
LanguageOption = Annotated[Language, typer.Option(help="Language of the picture or page.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but results and errors.")]

TrainTable = Annotated[
    str | None, typer.Option(help="Table of the train pages; default: train.csv, else a folder per class.")
]
ValTable = Annotated[str | None, typer.Option(help="Table of the validation pages; default: val.csv if there is one.")]
ImageDir = Annotated[str | None, typer.Option(help="Folder of the train images; default: train/.")]
TestDir = Annotated[str | None, typer.Option(help="Folder of the test images; default: test/.")]
IdColumn = Annotated[str | None, typer.Option(help="Column of the file names; default: ID.")]
TargetColumn = Annotated[str | None, typer.Option(help="Column of the labels; default: target.")]

Backend = Annotated[
    str, typer.Option(help=f"{', '.join(BACKENDS[:-1])} (see `munseo export`), or {BACKENDS[-1]}: the fastest.")
]
ReadyBackend = Annotated[
    str | None,
    typer.Option(
        help=f"{', '.join(BACKENDS[:-1])} or {BACKENDS[-1]} (see `munseo export`); default: an engine in full "
        "precision that the run has or gets, else torch."
    ),
]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps; default: as the run was configured.")]
Tta = Annotated[bool | None, typer.Option("--tta/--no-tta", help="Average views of each page; default: as configured.")]
SecondLook = Annotated[
    bool | None,
    typer.Option("--second-look/--no-second-look", help="Predict uncertain pages again; default: as configured."),
]
Text = Annotated[
    bool | None,
    typer.Option("--text/--no-text", help="Use the words of a page beside its image; default: as the run was trained."),
]
AbstainBelow = Annotated[
    float | None, typer.Option(metavar="0…1", help="Calibrated confidence below which a page needs a person.")
]
TargetPrecision = Annotated[
    float | None,
    typer.Option(
        metavar="0…1", help="Fraction of predictions that should be right; validation gives the threshold for it."
    ),
]


def _check_port(port: int) -> int:
    if not 1 <= port <= 65535:
        raise typer.BadParameter("should be from 1 to 65535.")
    return port


Host = Annotated[str, typer.Option(help="Address to listen on; the default is reached from this machine only.")]
Port = Annotated[int, typer.Option(help="Port to listen on, 1 to 65535.", callback=_check_port)]


def existing_data(data: Path | str) -> Path:
    """Return a data folder, or raise ``UserError`` if there is none."""
    if not Path(data).is_dir():
        raise UserError(f"{data}: there is no such data folder; set data_dir to where the tables and images are.")
    return Path(data)


def existing_runs(folder: Path | str) -> Path:
    """Return the folder of the runs, or raise ``UserError`` if there is none."""
    if not Path(folder).is_dir():
        raise UserError(
            f"{folder}: there is no such folder; `munseo train` makes it, or give the one your runs are in."
        )
    return Path(folder)
