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
    "`munseo predict runs/2507… inbox -o inbox.xlsx --target-precision 0.99` says which pages need a person",
    "`munseo predict runs/2507… archive.zip 'inbox/*.tif' -o out.parquet` takes any number of files; "
    "the same command continues after an interruption",
)
ON_BAD_IMAGE = ("fail", "skip")
"""Values of ``on_bad_image``."""
ENDINGS = (".csv", ".xlsx", ".parquet")
"""The endings of outputs, in small letters."""


def predict(
    run: options.RunArgument,
    inputs: Annotated[
        Sequence[Path | str],
        typer.Argument(
            metavar="INPUT",
            help="Folders, images, PDFs, tables (CSV, Excel, parquet), patterns, ZIP and TAR archives, and - for paths "
            "from standard input; default: the run's test split.",
            show_default=False,
        ),
    ] = (),
    output: Annotated[
        Path | str | None,
        typer.Option(
            "--output",
            "-o",
            help="Table to write, which ends in .csv, .xlsx (Excel) or .parquet; default: the name of the run with "
            ".csv, in its folder. The same command continues after an interruption.",
        ),
    ] = None,
    *,
    proba: Annotated[bool, typer.Option("--proba", help="Add a column of probability for each class.")] = False,
    tta: options.Tta = None,
    second_look: options.SecondLook = None,
    text: options.Text = None,
    abstain_below: options.AbstainBelow = None,
    target_precision: options.TargetPrecision = None,
    device: options.Device = None,
    backend: options.ReadyBackend = None,
    on_bad_image: Annotated[
        str | None,
        typer.Option(
            metavar="fail|skip", help="Whether a page that cannot be read ends the command; default: its row says why."
        ),
    ] = None,
    follow_links: options.FollowLinks = None,
    excel: options.Excel = False,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Predict only every N-th file, beginning with file I, counted from 0; default: all, or this process's "
            "part under torchrun.",
        ),
    ] = None,
    join: Annotated[bool, typer.Option("--join", help="Only join the shards of an output.")] = False,
    quiet: options.Quiet = False,
) -> Path:
    """Predict pages: one row for each, with its class, the confidence, and the reason where it cannot be read.

    If the inputs have a sample_submission.csv, a CSV is a submission with exactly its columns, IDs and order. The
    models of a k-fold run are averaged, the members of an ensemble combined.

    Returns:
        The file; where other shards are not done yet, the folder of this shard's parts.

    Raises:
        UserError: There is no run or no page, the ending of the output is unknown, IDs do not match the sample
            submission, or no threshold can be promised.
        Interrupted: Ctrl-C or SIGTERM stopped the command; the rows are kept, except those of a submission.
    """
    from munseo._run import open_run

    file = None if output is None else Path(output)
    _check_output(file, on_bad_image, excel, shard, join)
    folder = open_run(run)
    _check_inputs(inputs)
    # Everything above takes milliseconds, the imports below seconds.
    from munseo._prediction import PredictOptions
    from munseo._prediction.bulk import BulkOptions, predict_bulk
    from munseo._prediction.joined_parts import join_shards
    from munseo._prediction.submission import predict_submission, sample_of

    chosen = PredictOptions(tta, second_look, abstain_below, target_precision, device, backend, text=text)
    fails = on_bad_image == "fail"
    with quietly(quiet):
        if join:
            assert file is not None, "--join needs an output, which was checked"
            return join_shards(folder, file, excel)
        is_csv = file is None or file.suffix.lower() == ".csv"
        sample = sample_of(folder.read_config(), inputs) if is_csv else None
        if sample is None:
            table = BulkOptions(shard, proba, excel, fails, follow_links)
            return predict_bulk(folder, inputs, file or folder.submission_file, chosen, table)
        _check_submission(sample, excel, shard)
        try:
            return predict_submission(
                folder, inputs, file, chosen, proba=proba, skip_bad_images=not fails, follow_links=follow_links
            )
        except KeyboardInterrupt:
            raise Interrupted(signal.SIGINT, "interrupted; nothing was written.") from None


def _check_output(file: Path | None, on_bad_image: str | None, excel: bool, shard: str | None, join: bool) -> None:
    """Check what can be checked without the run: where to write, and options that exclude each other."""
    ending = ".csv" if file is None else file.suffix.lower()
    if ending not in ENDINGS:
        raise UserError(f"{file}: should end in .csv, .xlsx or .parquet, which says what to write.")
    if file is not None and file.is_dir():
        raise UserError(f"{file}: cannot be written (it is a folder); choose another path for it.")
    if excel and ending != ".csv":
        raise UserError("excel: is for a CSV; leave it out, since a workbook and a parquet file know their encoding.")
    if on_bad_image not in (None, *ON_BAD_IMAGE):
        raise UserError(f"on_bad_image: {on_bad_image!r} is not allowed; should be fail or skip.")
    if on_bad_image == "fail" and (ending == ".parquet" or shard is not None):
        raise UserError("on_bad_image: rows of parquet and of shards have the column error instead; leave it out.")
    if join and file is None:
        raise UserError("join: say which output: munseo predict RUN --join -o NAME.parquet")


def _check_submission(sample: Path, excel: bool, shard: str | None) -> None:
    """Refuse what a submission cannot have: its server reads it as it is."""
    if excel:
        raise UserError(f"excel: {sample} asks for a submission, which has no byte order mark; give -o NAME.xlsx.")
    if shard is not None:
        raise UserError(f"shard: {sample} asks for a submission, written by one process; give -o NAME.parquet.")


def _check_inputs(inputs: Sequence[Path | str]) -> None:
    """Name the inputs that do not exist; patterns and standard input are looked at later."""
    names = [str(name) for name in inputs]
    missing = [name for name in names if name != "-" and not set("*?[") & set(name) and not _exists(name)]
    if missing:
        problems = [f"{name}: there is no such file or folder" for name in missing]
        raise UserError(f"{len(problems)} of the inputs cannot be found; correct these names:", problems)


def _exists(name: str) -> bool:
    """Return whether there is a file or folder; a workbook may be named with one of its sheets."""
    return Path(name).exists() or Path(name.rpartition("#")[0] or name).is_file()
