"""``munseo bench predict``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from munseo._commands.options import MovedData, Quiet, RunArgument
from munseo._console import quietly
from munseo._errors import UserError

EXAMPLES = (
    "`munseo bench predict runs/2507…`",
    "`munseo bench predict runs/2507… --batch-size 16 --seconds 3 --data data/rvl5`",
)
LEGEND = (
    "ms, p95: one page. ×: compared with plain torch (default layout). peak: fraction of the cores' multiply-adds. "
    "max Δp, same, macro-F1: compared with torch on validation pages."
)


def bench_predict(
    run: RunArgument,
    output: Annotated[Path | str, typer.Option("--output", "-o", help="JSON file.")] = "bench-predict.json",
    *,
    batch_sizes: Annotated[
        Sequence[int],
        typer.Option("--batch-size", help="Batch size for the throughput (several times); the best one counts."),
    ] = (8, 32),
    seconds: Annotated[float, typer.Option(help="Seconds of one measurement; each is made in 5 rounds.")] = 1.0,
    data: MovedData = None,
    quiet: Quiet = False,
) -> dict[str, Any]:
    """Measure how fast a run's model predicts with each of its backends on this machine's processor.

    The result has latency, throughput, the fraction of the machine's peak and the parity with torch, as JSON and table.
    The first fold of a k-fold run is measured, and the first member of an ensemble.

    Returns:
        What was measured, as `munseo._bench.measure_prediction` describes it.

    Raises:
        UserError: The data are not there, or a number is out of range.
    """
    if not batch_sizes or min(batch_sizes) < 1 or seconds <= 0:
        raise UserError("bench: batch sizes should be 1 or more, and seconds above 0.")
    from munseo._run import open_run

    folder = open_run(run)
    from munseo._bench import measure_prediction
    from munseo._run.atomic import write_json

    with quietly(quiet):
        result = measure_prediction(folder, batch_sizes=batch_sizes, seconds=seconds, data=data)
    file = Path(output)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, result)
    return result


def show(result: dict[str, Any], *, output: Path) -> None:
    """Print one row for each backend, and the file."""
    from rich.console import Console
    from rich.table import Table

    from munseo._bench import COLUMNS, table_rows

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", caption=LEGEND)
    table.caption_justify = "left"
    for number, name in enumerate(COLUMNS):
        table.add_column(name, no_wrap=True, justify="right" if number else "left")
    for row in table_rows(result):
        table.add_row(*row)
    Console().print(table)
    typer.echo(output)
