"""``munseo bench``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from munseo._bench import bench_train as measure
from munseo._bench import stages_plot
from munseo._config import load_config
from munseo._console import quietly
from munseo._errors import UserError
from munseo._run.atomic import replacing, write_json

FILE = "bench-train.json"


def bench_train(
    config: Path | str,
    overrides: Sequence[str] = (),
    output: Path | str | None = None,
    *,
    num_steps: int = 20,
    num_rounds: int = 5,
    worker_counts: Sequence[int] = (),
    quiet: bool = False,
) -> tuple[dict[str, Any], Path]:
    """Measure how fast a configuration trains on this machine, and what holds it up.

    Args:
        config: A YAML file or the name of a template.
        overrides: ``key=value`` words.
        output: The JSON file; by default ``bench-train.json`` here. A picture of the stages lies beside it.
        num_steps: Steps of one measurement, 1 or more.
        num_rounds: Rounds in which everything is measured once, 1 or more.
        worker_counts: Loader workers to try; by default none, one, and the number of cores.
        quiet: Print nothing but errors.

    Returns:
        What was measured, as ``munseo._bench.bench_train`` describes it, and the file.

    Raises:
        UserError: The configuration, the data or a number is wrong.
    """
    counts = {"num_steps": num_steps, "num_rounds": num_rounds}
    problems = [f"{name}: {value} is not allowed; 1 or more" for name, value in counts.items() if value < 1]
    problems += [f"worker_counts: {count} is not allowed; 0 or more" for count in worker_counts if count < 0]
    if problems:
        raise UserError("bench train: nothing can be measured so.", problems)
    file = Path(output or FILE)
    with quietly(quiet):
        found = measure(
            load_config(config, overrides), num_steps=num_steps, num_rounds=num_rounds, worker_counts=worker_counts
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, found)
    about = found["config"]
    title = f"{about['model_name']} at {about['image_size']} px: where a page's time goes"
    with replacing(file.with_suffix(".png")) as beside:
        beside.write_bytes(stages_plot(found["stages"], title))
    return found, file
