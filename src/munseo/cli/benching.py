"""``munseo bench``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from munseo.cli.words import ConfigArgument, Overrides, Quiet, RunArgument

if TYPE_CHECKING:
    from rich.table import Table

app = typer.Typer(help="Measure speed and memory on this machine.", no_args_is_help=True)


@app.command(epilog="Examples:\n\n"
             "`munseo bench train configs/rvl5.yaml data_dir=data/rvl5`\n\n"
             "`munseo bench train efficientnet_b4 data_dir=data batch_size=8 --steps 5`")  # fmt: skip
def train(
    config: ConfigArgument,
    overrides: Overrides = None,
    steps: Annotated[int, typer.Option(help="Steps of one measurement.")] = 20,
    rounds: Annotated[int, typer.Option(help="Rounds in which everything is measured once; medians count.")] = 5,
    workers: Annotated[
        list[int] | None, typer.Option(help="Loader workers to try (several times); default: 0, 1, number of cores.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Default: bench-train.json.")] = None,
    quiet: Quiet = False,
) -> None:
    """Training against its own model's limit: pages a second, time by stage, peak memory; JSON, picture and table."""
    from munseo.api.benching import bench_train

    found, file = bench_train(
        config,
        overrides or (),
        output,
        num_steps=steps,
        num_rounds=rounds,
        worker_counts=workers or (),
        quiet=quiet,
    )
    from rich.console import Console

    console = Console()
    for table in (_rates(found), _stages(found)):
        console.print(table)
        console.print()
    peak = ", ".join(f"{name} {size / 2**30:.2f} GiB" for name, size in found["peak_memory_bytes"].items())
    typer.echo(f"peak memory: {peak}")
    typer.echo(file)


@app.command(epilog="Examples:\n\n"
             "`munseo bench predict runs/2507…`\n\n"
             "`munseo bench predict runs/2507… --batch-size 16 --seconds 3 --data data/rvl5`")  # fmt: skip
def predict(
    run: RunArgument,
    batch_size: Annotated[
        list[int] | None, typer.Option(help="Of the throughput (several times); the best counts. Default: 8, 32.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Of one measurement; each is made in 5 rounds.")] = 1.0,
    data: Annotated[Path | None, typer.Option(help="Where the data are now; default: where they were.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Default: bench-predict.json.")] = None,
    quiet: Quiet = False,
) -> None:
    """Prediction by each backend: latency, throughput, share of the peak, parity with torch; JSON and table."""
    from rich.console import Console
    from rich.table import Table

    from munseo._run.atomic import write_json
    from munseo.api.benching_predict import COLUMNS, bench_predict, table_rows

    found = bench_predict(run, batch_sizes=batch_size or (8, 32), seconds=seconds, data=data, quiet=quiet)
    file = output or Path("bench-predict.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, found)
    legend = (
        "ms, p95: one page. ×: against plain torch (default layout). peak: share of the cores' multiply-adds. "
        "max Δp, same, macro-F1: beside torch on validation pages."
    )
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", caption=legend)
    table.caption_justify = "left"
    for number, name in enumerate(COLUMNS):
        table.add_column(name, no_wrap=True, justify="right" if number else "left")
    for row in table_rows(found):
        table.add_row(*row)
    Console().print(table)
    typer.echo(file)


def _rates(found: dict[str, Any]) -> Table:
    from rich.table import Table

    table = Table("", "pages/s", "lowest", "highest", box=None, pad_edge=False, header_style="bold")
    for name, rate in found["rates"].items():
        table.add_row(name, *(f"{value:.1f}" for value in (rate["median"], min(rate["rounds"]), max(rate["rounds"]))))
    for count, value in found["pipeline"].items():
        table.add_row(f"input alone, {count} workers", f"{value:.1f}", "", "")
    for name, value in found["ratios"].items():
        table.add_row(name, f"{value:.3f}", "", "")
    return table


def _stages(found: dict[str, Any]) -> Table:
    from rich.table import Table

    total = sum(found["stages"].values())
    table = Table("stage", "ms a page", "share", box=None, pad_edge=False, header_style="bold")
    for name, value in found["stages"].items():
        table.add_row(name, f"{value:.3f}", f"{value / total:.1%}")
    return table
