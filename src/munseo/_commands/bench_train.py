"""``munseo bench train``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from munseo._commands.options import ConfigArgument, Overrides, Quiet
from munseo._console import quietly
from munseo._errors import UserError

EXAMPLES = (
    "`munseo bench train configs/rvl5.yaml data_dir=data/rvl5`",
    "`munseo bench train efficientnet_b4 data_dir=data batch_size=8 --steps 5`",
)


def bench_train(
    config: ConfigArgument,
    overrides: Overrides = (),
    output: Annotated[
        Path | str, typer.Option("--output", "-o", help="JSON file; a plot of the stages goes next to it.")
    ] = "bench-train.json",
    *,
    num_steps: Annotated[int, typer.Option("--steps", help="Number of steps of one measurement.")] = 20,
    num_rounds: Annotated[
        int, typer.Option("--rounds", help="Rounds in which everything is measured once; medians count.")
    ] = 5,
    worker_counts: Annotated[
        Sequence[int],
        typer.Option(
            "--workers",
            help="Number of loader workers to try (several times); default: 0, 1 and the number of cores.",
            show_default=False,
        ),
    ] = (),
    quiet: Quiet = False,
) -> dict[str, Any]:
    """Measure how fast a configuration trains on this machine, and what limits it.

    The result has pages per second, the time of each stage, and peak memory, as JSON, plot and table.

    Returns:
        What was measured, as `munseo._bench.measure_training` describes it.

    Raises:
        UserError: The configuration, the data or a number is wrong.
    """
    counts = {"num_steps": num_steps, "num_rounds": num_rounds}
    problems = [f"{name}: {value} is not allowed; 1 or more" for name, value in counts.items() if value < 1]
    problems += [f"worker_counts: {count} is not allowed; 0 or more" for count in worker_counts if count < 0]
    if problems:
        raise UserError("bench train: values that are not allowed; nothing was measured.", problems)
    from munseo._config import load_config

    loaded = load_config(config, overrides)
    from munseo._bench import measure_training, stages_plot
    from munseo._run.atomic import replacing, write_json

    with quietly(quiet):
        result = measure_training(loaded, num_steps=num_steps, num_rounds=num_rounds, worker_counts=worker_counts)
    file = Path(output)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, result)
    title = f"{loaded.model_name} at {loaded.image_size} px: where a page's time goes"
    with replacing(file.with_suffix(".png")) as temporary:
        temporary.write_bytes(stages_plot(result["stages"], title))
    return result


def show(result: dict[str, Any], *, output: Path) -> None:
    """Print the rates, the stages, peak memory and the file."""
    from rich.console import Console
    from rich.table import Table

    rates = Table("", "pages/s", "lowest", "highest", box=None, pad_edge=False, header_style="bold")
    for name, rate in result["rates"].items():
        rates.add_row(name, *(f"{value:.1f}" for value in (rate["median"], min(rate["rounds"]), max(rate["rounds"]))))
    for count, value in result["pipeline"].items():
        rates.add_row(f"input alone, {count} workers", f"{value:.1f}", "", "")
    for name, value in result["ratios"].items():
        rates.add_row(name, f"{value:.3f}", "", "")
    total = sum(result["stages"].values())
    stages = Table("stage", "ms a page", "fraction", box=None, pad_edge=False, header_style="bold")
    for name, value in result["stages"].items():
        stages.add_row(name, f"{value:.3f}", f"{value / total:.1%}")
    console = Console()
    for table in (rates, stages):
        console.print(table)
        console.print()
    peak = ", ".join(f"{name} {size / 2**30:.2f} GiB" for name, size in result["peak_memory_bytes"].items())
    typer.echo(f"peak memory: {peak}")
    typer.echo(output)
