"""``munseo evaluate`` and ``munseo predict``."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from munseo._errors import Interrupted
from munseo.cli.words import OnBadImage, Quiet, RunArgument

Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps; default: as the run.")]
Tta = Annotated[bool | None, typer.Option("--tta/--no-tta", help="Average views of each page; default: as configured.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: `munseo evaluate runs/2507… --data data/rvl5`")(evaluate)
    app.command(
        epilog="Examples:\n\n"
        "`munseo predict runs/2507…` writes the submission for the run's own test part\n\n"
        "`munseo predict runs/2507… data/test -o submission.csv`\n\n"
        "`munseo predict runs/2507… scan.pdf photo.jpg --proba`\n\n"
        "`munseo predict runs/2507… inbox -o inbox.csv --target-precision 0.99` says which pages need a person\n\n"
        "`munseo predict runs/2507… archive.zip 'inbox/*.tif' -o out.parquet` any number of files, a row a page; "
        "the same command goes on after an interruption"
    )(predict)


def evaluate(
    run: RunArgument,
    data: Annotated[Path | None, typer.Option(help="Where the data are now; default: where they were.")] = None,
    tta: Tta = None,
    device: Device = None,
    quiet: Quiet = False,
) -> None:
    """Judge a run's weights again on its validation pages."""
    from munseo.api.evaluating import evaluate as run_evaluate

    result = run_evaluate(run, data, tta=tta, device=device, quiet=quiet)
    low, high = result["macro_f1_interval"]
    typer.echo(f"macro-F1  {result['macro_f1']:.4f}  (95 % interval {low:.4f} to {high:.4f})")
    typer.echo(f"accuracy  {result['accuracy']:.4f}\nloss      {result['loss']:.4f}\npages     {result['num_pages']}")


def predict(
    run: RunArgument,
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[INPUT]…",
            help="Folders, images, PDFs or tables; default: the run's test part. For parquet also patterns, ZIP and "
            "TAR archives, and - for paths from standard input.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="CSV to write; default: <run name>.csv in the run. With .parquet at its end: any number of files, in "
            "parts, resumed by the same command.",
        ),
    ] = None,
    proba: Annotated[bool, typer.Option("--proba", help="Add a column of probability a class.")] = False,
    tta: Tta = None,
    second_look: Annotated[
        bool | None,
        typer.Option("--second-look/--no-second-look", help="Predict uncertain pages again; default: as configured."),
    ] = None,
    abstain_below: Annotated[
        float | None, typer.Option(help="Calibrated confidence under which a page needs a person.", min=0, max=1)
    ] = None,
    target_precision: Annotated[
        float | None,
        typer.Option(help="Share of right answers that is wanted; validation gives the threshold.", min=0, max=1),
    ] = None,
    device: Device = None,
    backend: Annotated[
        str,
        typer.Option(
            help="torch, onnx, onnx-int8, openvino, openvino-int8 (see `munseo export`), or auto: the fastest."
        ),
    ] = "torch",
    on_bad_image: OnBadImage = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="For parquet: predict only every N-th file, from the I-th on, counted from 0; default: all, or this "
            "process's share under torchrun.",
        ),
    ] = None,
    join: Annotated[bool, typer.Option("--join", help="Only join the shards of a parquet output.")] = False,
    quiet: Quiet = False,
) -> None:
    """Predict pages and write `ID,target`, with the IDs and in the order of sample_submission.csv if there is one."""
    from munseo.api.predicting import predict as run_predict

    try:
        file = run_predict(
            run,
            inputs or (),
            output,
            proba=proba,
            tta=tta,
            second_look=second_look,
            abstain_below=abstain_below,
            target_precision=target_precision,
            device=device,
            backend=backend,
            on_bad_image=on_bad_image or "fail",
            shard=shard,
            join=join,
            quiet=quiet,
        )
    except KeyboardInterrupt as error:
        typer.echo(f"munseo: {str(error) or 'interrupted; nothing was written.'}", err=True)
        raise typer.Exit(128 + (error.signum if isinstance(error, Interrupted) else signal.SIGINT)) from None
    typer.echo(file)
