"""``munseo predict``."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from munseo._commands import options
from munseo._console import quietly
from munseo._errors import Interrupted, UserError

EXAMPLES = (
    "`munseo predict runs/2507…` writes the submission for the run's own test split",
    "`munseo predict runs/2507… data/test -o submission.csv`",
    "`munseo predict runs/2507… scan.pdf photo.jpg --proba`",
    "`munseo predict runs/2507… inbox -o inbox.csv --target-precision 0.99` says which pages need a person",
    "`munseo predict runs/2507… archive.zip 'inbox/*.tif' -o out.parquet` takes any number of files; "
    "the same command continues after an interruption",
)
ON_BAD_IMAGE = ("fail", "skip")
"""Values of ``on_bad_image``."""


def predict(
    run: options.RunArgument,
    inputs: Annotated[
        Sequence[Path | str],
        typer.Argument(
            metavar="INPUT",
            help="Folders, images, PDFs or tables; default: the run's test split. For parquet also patterns, ZIP and "
            "TAR archives, and - for paths from standard input.",
            show_default=False,
        ),
    ] = (),
    output: Annotated[
        Path | str | None,
        typer.Option(
            "--output",
            "-o",
            help="CSV to write; default: the name of the run with .csv, in its folder. With .parquet: any number of "
            "files, in parts, resumed by the same command.",
        ),
    ] = None,
    *,
    proba: Annotated[bool, typer.Option("--proba", help="Add a column of probability for each class.")] = False,
    tta: options.Tta = None,
    second_look: options.SecondLook = None,
    abstain_below: options.AbstainBelow = None,
    target_precision: options.TargetPrecision = None,
    device: options.Device = None,
    backend: options.ReadyBackend = None,
    on_bad_image: options.OnBadImage = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="For parquet: predict only every N-th file, beginning with file I, counted from 0; default: all, or "
            "this process's part under torchrun.",
        ),
    ] = None,
    join: Annotated[bool, typer.Option("--join", help="Only join the shards of a parquet output.")] = False,
    quiet: options.Quiet = False,
) -> Path:
    """Predict pages and write `ID,target`, with the IDs and in the order of sample_submission.csv if there is one.

    The models of a k-fold run are averaged, the members of an ensemble combined. With a parquet output any number of
    files is predicted as a stream: every page has a row, and an unreadable page has a row with the reason.

    Returns:
        The file; where other shards are not done yet, the folder of this shard's parts.

    Raises:
        UserError: There is no run or no page, pages cannot be read, IDs do not match the sample submission, or no
            threshold can be promised.
        Interrupted: Ctrl-C or SIGTERM stopped the command; the rows of a parquet prediction are kept.
    """
    from munseo._run import open_run

    file = None if output is None else Path(output)
    is_bulk = file is not None and file.suffix.lower() == ".parquet"
    if on_bad_image not in (None, *ON_BAD_IMAGE):
        raise UserError(f"on_bad_image: {on_bad_image!r} is not allowed; should be fail or skip.")
    if join and not is_bulk:
        raise UserError("join: say which output: munseo predict RUN --join -o NAME.parquet")
    if shard is not None and not is_bulk:
        raise UserError("shard: works with an output that ends in .parquet; a CSV is written by one process.")
    folder = open_run(run)
    _check_inputs(inputs)
    # Everything above takes milliseconds, the imports below seconds.
    from munseo._prediction import PredictOptions
    from munseo._prediction.bulk import predict_bulk
    from munseo._prediction.joined_parts import join_shards
    from munseo._prediction.submission import predict_submission

    chosen = PredictOptions(tta, second_look, abstain_below, target_precision, device, backend)
    with quietly(quiet):
        if file is not None and join:
            return join_shards(folder, file)
        if file is not None and is_bulk:
            return predict_bulk(folder, inputs, file, chosen, shard=shard, proba=proba)
        try:
            skip = on_bad_image == "skip"
            return predict_submission(folder, inputs, file, chosen, proba=proba, skip_bad_images=skip)
        except KeyboardInterrupt:
            raise Interrupted(signal.SIGINT, "interrupted; nothing was written.") from None


def _check_inputs(inputs: Sequence[Path | str]) -> None:
    """Name the inputs that do not exist; patterns and standard input are looked at later."""
    names = [str(name) for name in inputs]
    missing = [name for name in names if name != "-" and not set("*?[") & set(name) and not Path(name).exists()]
    if missing:
        problems = [f"{name}: there is no such file or folder" for name in missing]
        raise UserError(f"{len(problems)} of the inputs cannot be found; correct these names:", problems)
