"""``munseo bench train``: the cost of training, and how close it comes to the limit of the model on this machine."""

from __future__ import annotations

import platform
import resource
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import timm
import torch
from matplotlib.figure import Figure

from munseo._bench.baseline import baseline_rate
from munseo._bench.input_pipeline import fixed_batch, pipeline_rate, stage_seconds
from munseo._bench.step_rate import BareStep, training_rate
from munseo._config import Config
from munseo._console import say
from munseo._cores import num_cores
from munseo._report.plots import LIGHT, drawing, png
from munseo._training.hardware import device_name
from munseo._training.module import PageClassifier
from munseo._training.start_checks import check_device, check_model_of
from munseo._training.training_data import choose_recipe, collect, make_splits
from munseo._training.training_run import build_module, make_card

ENDLESS = 10**6
"""Number of epochs, so that no schedule ends within a measurement."""
BASELINE_WORKERS = 2
"""Number of loader workers in tutorials."""


def measure_training(
    config: Config, *, num_steps: int = 20, num_rounds: int = 5, worker_counts: Sequence[int] = (), usual: bool = True
) -> dict[str, Any]:
    """Measure training and its parts, alternating in one process.

    Args:
        config: Configuration of the run; its data are read, but no run folder is made.
        num_steps: Number of steps of a measurement; each round measures everything once.
        num_rounds: Number of rounds, over which medians are taken.
        worker_counts: Numbers of loader workers to try; by default none, one, and the number of cores.
        usual: Whether to measure the baseline as well.

    Returns:
        ``rates`` (pages per second: the value of every round and the median), ``ratios``, ``pipeline`` by number of
        workers, ``stages`` (milliseconds per page), ``peak_memory_bytes``, ``machine``.

    Raises:
        UserError: The configuration or the data are wrong.
    """
    module = _set_up(config)
    batch = fixed_batch(module)
    bare = BareStep(module, batch)
    measurements: dict[str, Callable[[], float]] = {
        "bare step": lambda: bare.rate(num_steps),
        "training": lambda: training_rate(module, num_steps),
    }
    if usual:
        measurements["usual way"] = lambda: baseline_rate(module, num_steps, BASELINE_WORKERS)
    rates = _alternate(measurements, num_rounds)
    counts = list(worker_counts) or sorted({0, 1, num_cores()})
    pipeline = {count: pipeline_rate(module, count, seconds=3.0) for count in counts}
    ratios = {"training / bare step": _median_ratio(rates["training"], rates["bare step"])}
    if usual:
        ratios["training / usual way"] = _median_ratio(rates["training"], rates["usual way"])
    return {
        "config": {"model_name": config.model_name, "image_size": config.image_size, "batch_size": len(batch.labels)},
        "rates": {name: {"median": float(np.median(values)), "rounds": values} for name, values in rates.items()},
        "ratios": ratios,
        "pipeline": {str(count): rate for count, rate in pipeline.items()},
        "stages": _stages(module, bare, len(batch.labels)),
        "peak_memory_bytes": _peak_memory(module.device),
        "machine": _describe(module),
    }


def _set_up(config: Config) -> PageClassifier:
    """Build the module of a run, without its folder."""
    config = config.model_copy(update={"epochs": ENDLESS, "patience": ENDLESS, "snapshot_epochs": 0})
    check_device(config)
    check_model_of(config)
    collection = collect(config)
    recipe = choose_recipe(config, collection) if config.augmentation.matched else None
    split = make_splits(config, collection, recipe)[0]
    module, _ = build_module(config, make_card(config, collection.pages), split)
    return module.to(module.hardware.device)


def _alternate(measurements: dict[str, Callable[[], float]], num_rounds: int) -> dict[str, list[float]]:
    """Do each measurement once per round, so that whatever disturbs the machine disturbs all of them alike."""
    rates: dict[str, list[float]] = {name: [] for name in measurements}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")
        for number in range(1, num_rounds + 1):
            for name, measure in measurements.items():
                rates[name].append(measure())
            listed = ", ".join(f"{name} {values[-1]:.1f}" for name, values in rates.items())
            say(f"round {number} of {num_rounds}, pages a second: {listed}")
    return rates


def _median_ratio(rates: Sequence[float], references: Sequence[float]) -> float:
    """Return the median of the ratios of each round, since rounds differ more than measurements within a round."""
    return float(np.median([rate / reference for rate, reference in zip(rates, references, strict=True)]))


def _stages(module: PageClassifier, bare: BareStep, batch_size: int) -> dict[str, float]:
    """Return the milliseconds per page of each stage, in the order of a step."""
    module.to(bare.images.device)
    steps = np.median([bare() for _ in range(5)], axis=0) / batch_size
    names = ("forward", "backward", "optimiser")
    seconds = {**stage_seconds(module, num_pages=64), **dict(zip(names, map(float, steps), strict=True))}
    return {name: 1000 * value for name, value in seconds.items()}


def _peak_memory(device: torch.device) -> dict[str, int]:
    """Return the largest resident size of this process and the peak of the GPU; workers are not included."""
    scale = 1 if platform.system() == "Darwin" else 1024
    peak = {"process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale}
    if device.type == "cuda":
        peak["gpu"] = torch.cuda.max_memory_allocated(device)
    return peak


def _describe(module: PageClassifier) -> dict[str, Any]:
    machine = module.hardware
    return {
        "device": machine.device.type,
        "device_name": device_name(machine.device),
        "precision": machine.precision,
        "num_threads": machine.num_threads,
        "num_workers": machine.num_workers,
        "num_cores": num_cores(),
        "torch": torch.__version__,
        "timm": timm.__version__,
    }


INPUT_STAGES = ("decode", "augment", "collate", "copy")
"""Stages of the input; the others belong to the model."""
WIDTH_IN, ROW_IN, TOP_IN, BOTTOM_IN, LEFT_IN = 6.6, 0.34, 0.5, 0.5, 1.2
"""Width of the picture, height of a bar, and margins, in inches."""


def stages_plot(stages: Mapping[str, float], title: str) -> bytes:
    """Draw the milliseconds per page of each stage of a training step as bars, from top to bottom, as PNG."""
    theme, height = LIGHT, TOP_IN + len(stages) * ROW_IN + BOTTOM_IN
    total = sum(stages.values())
    with drawing(theme):
        figure = Figure(figsize=(WIDTH_IN, height))
        box = (LEFT_IN / WIDTH_IN, BOTTOM_IN / height, 1 - (LEFT_IN + 1.35) / WIDTH_IN)
        axes = figure.add_axes((*box, len(stages) * ROW_IN / height))
        axes.set_facecolor(theme.paper)
        axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
        axes.grid(axis="x", color=theme.grid, linewidth=0.8)
        axes.set_axisbelow(True)
        for index, (name, value) in enumerate(stages.items()):
            axes.barh(index, value, height=0.62, color=theme.shifted if name in INPUT_STAGES else theme.val)
            axes.annotate(f"{value:.2f} ms  {value / total:.1%}", (value, index), xytext=(6, 0),
                          textcoords="offset points", va="center", fontsize=9, color=theme.ink)  # fmt: skip
        axes.set_yticks(range(len(stages)), list(stages), color=theme.ink)
        axes.set_ylim(len(stages) - 0.5, -0.5)
        axes.tick_params(length=0, pad=6)
        axes.set_xlabel("milliseconds a page (orange: input, blue: model)", labelpad=6)
        figure.text(0.18 / WIDTH_IN, 1 - 0.24 / height, title, fontsize=11.5, fontweight="bold", va="center")
        return png(figure, theme, tight=False)
