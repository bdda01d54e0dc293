"""The speed of a model with each engine, measured alternately in one process, next to the peak of the machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from munseo._console import say
from munseo._engines.backends import exported, load_backend
from munseo._engines.engine import engine_of
from munseo._export import ExportJob, compare, list_jobs
from munseo._memory import freed_memory_returned, keep_freed_memory
from munseo._model import Classifier, load_classifier
from munseo._model.multiply_adds import multiply_adds
from munseo._prediction import InferenceSetup, predict_pages
from munseo._prediction.combination import is_ensemble, member_folders
from munseo._prediction.inference import read_card
from munseo._prediction.loader import InferencePages
from munseo._run import RunFolder
from munseo._run.manifest import identity

NUM_ROUNDS = 5
PARITY_PAGES = 200
"""Validation pages that every backend predicts; an export was compared with torch on all of them."""
BASELINE = "plain torch"
"""Eager PyTorch as in a plain script, with which the others are compared."""
COLUMNS = ("backend", "ms", "p95", "pages/s", "batch", "×", "peak", "max Δp", "same", "macro-F1")
"""Latency of a page and its 95th percentile, pages per second at the best batch, that divided by the rate of
``BASELINE``, fraction of the machine's peak; compared with torch: the largest difference of a probability, pages with
the same decision, macro-F1."""


def measure_prediction(
    run: RunFolder, *, batch_sizes: Sequence[int], seconds: float, data: Path | str | None = None
) -> dict[str, Any]:
    """Measure how fast a run's model predicts with each of its backends on this machine's processor.

    Args:
        run: The first fold of a k-fold run is measured, and the first member of an ensemble.
        batch_sizes: Batch sizes for the throughput; the best one counts.
        seconds: Seconds of one measurement; each is made in 5 rounds.
        data: Where the data are now; None: where they were.

    Returns:
        ``run, model_name, image_size, system, versions, num_threads, multiply_adds, peak_multiply_adds, backends``;
        the last has a row for each backend (see ``bench_backends``) with its ``parity`` with torch. ``table_rows``
        makes a table of it.

    Raises:
        UserError: The data are not there.
    """
    job = list_jobs(member_folders(run)[0] if is_ensemble(run) else run, data)[0]
    classifiers = _classifiers(job)
    card = classifiers[BASELINE].card
    pages = InferencePages(job.split.val[: max(batch_sizes)], card.image_size, card.orientation)
    images = torch.from_numpy(np.stack([pages[index][0] for index in range(len(pages))]))
    say(f"measuring {', '.join(classifiers)}")
    parities = _parities(job, classifiers)
    needed = multiply_adds(load_classifier(card, job.run.weights_file).network, card.image_size)
    rows, peak = bench_backends(classifiers, images, batch_sizes, seconds, needed)
    machine = identity(job.run.name, datetime.now().astimezone(), [])
    return {
        "run": job.run.name,
        "model_name": card.model_name,
        "image_size": card.image_size,
        "system": machine["system"],
        "versions": machine["versions"],
        "num_threads": torch.get_num_threads(),
        "multiply_adds": needed,
        "peak_multiply_adds": peak,
        "backends": [{**row, "parity": parities[row["backend"]]} for row in rows],
    }


def _classifiers(job: ExportJob) -> dict[str, Classifier]:
    """Return plain torch, torch as ``munseo predict`` runs it, and every export that can run here."""
    card = read_card(job.run)
    names = [name for name in exported(job.run) if engine_of(name).is_installed]
    classifiers = {BASELINE: load_classifier(card, job.run.weights_file)}
    for name in ("torch", *names):
        classifiers[name] = load_backend(job.run, card, name)
    classifiers["torch"].to(memory_format=torch.channels_last)
    classifiers[BASELINE].network = DefaultLayout(classifiers[BASELINE].network)
    return classifiers


def _parities(job: ExportJob, classifiers: dict[str, Classifier]) -> dict[str, dict[str, Any]]:
    val = job.split.val[:PARITY_PAGES]
    labels = np.array(job.labels[:PARITY_PAGES])
    settings = InferenceSetup(torch.device("cpu"), 16)
    before = predict_pages(classifiers["torch"], val, settings)
    predictions = dict.fromkeys((BASELINE, "torch"), before)
    for name in classifiers.keys() - predictions.keys():
        predictions[name] = predict_pages(classifiers[name], val, settings)
    return {name: asdict(compare(labels, before, after)) for name, after in predictions.items()}


def bench_backends(
    classifiers: Mapping[str, Classifier],
    pages: torch.Tensor,
    batch_sizes: Sequence[int],
    seconds: float,
    multiply_adds: float,
) -> tuple[list[dict[str, Any]], float]:
    """Measure latency and throughput of classifiers, from uint8 pages in memory to probabilities.

    In every round each of them is measured once, so that whatever disturbs the machine disturbs all of them.

    Args:
        classifiers: Classifiers by name, ``BASELINE`` first, on the processor and in evaluation mode.
        pages: uint8 (N, S, S, 3), N at least 1; repeated for larger batches.
        batch_sizes: Batch sizes of the throughput; the latency is that of single pages.
        seconds: Duration of one measurement.
        multiply_adds: Those of one page.

    Returns:
        One row per classifier: ``backend``, ``latency_ms`` (median and p95 of all pages), ``throughput`` (pages per
        second by batch size, median of the rounds), ``best_batch``, ``pages_per_second``, ``times_usual``,
        ``share_of_peak``; and the machine's peak in multiply-adds per second.
    """
    keep_freed_memory()
    latencies: dict[str, list[float]] = {name: [] for name in classifiers}
    rates: dict[str, dict[int, list[float]]] = {name: {size: [] for size in batch_sizes} for name in classifiers}
    peaks = []
    batches = {size: pages.repeat(-(-size // len(pages)), 1, 1, 1)[:size] for size in (1, *batch_sizes)}
    with torch.inference_mode():
        for classifier in classifiers.values():
            for batch in batches.values():
                _predict(classifier, batch)  # an engine's first pass compiles
        for _ in range(NUM_ROUNDS):
            peaks.append(peak_multiply_adds(seconds / 2))  # in each round, because the load of the machine varies
            for name, classifier in classifiers.items():
                latencies[name] += _times(partial(_predict, classifier, batches[1]), seconds)
                for size in batch_sizes:
                    times = _times(partial(_predict, classifier, batches[size]), seconds)
                    rates[name][size].append(size / statistics.median(times))
    peak = max(peaks)
    rows = [_row(name, latencies[name], rates[name], multiply_adds / peak) for name in classifiers]
    for row in rows:
        row["times_usual"] = row["pages_per_second"] / rows[0]["pages_per_second"]
    return rows, peak


def table_rows(result: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the rows of the table of ``munseo bench predict``, a text for each of ``COLUMNS``."""
    rows: list[tuple[str, ...]] = []
    for row in result["backends"]:
        parity, latency = row.get("parity"), row["latency_ms"]
        rows.append(
            (
                row["backend"],
                f"{latency['median']:.1f}",
                f"{latency['p95']:.1f}",
                f"{row['pages_per_second']:.1f}",
                str(row["best_batch"]),
                f"{row['times_usual']:.2f}",
                f"{row['share_of_peak']:.0%}",
                f"{parity['max_difference']:.1g}" if parity else "",
                f"{parity['num_agreeing']}/{parity['num_pages']}" if parity else "",
                f"{parity['macro_f1_after']:.4f}" if parity else "",
            )
        )
    return rows


def _row(name: str, latencies: list[float], rates: dict[int, list[float]], fraction_per_page: float) -> dict[str, Any]:
    throughput = {size: statistics.median(values) for size, values in rates.items()}
    best = max(throughput, key=lambda size: throughput[size])
    return {
        "backend": name,
        "latency_ms": {"median": 1000 * float(np.median(latencies)), "p95": 1000 * float(np.quantile(latencies, 0.95))},
        "throughput": throughput,
        "best_batch": best,
        "pages_per_second": throughput[best],
        "share_of_peak": throughput[best] * fraction_per_page,
    }


def _times(work: Callable[[], object], seconds: float) -> list[float]:
    """Return the seconds of each call; call for a number of seconds and at least twice."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 2 or time.perf_counter() < end:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return times


def _predict(classifier: Classifier, batch: torch.Tensor) -> torch.Tensor:
    logits: torch.Tensor = classifier(classifier.prepare(batch))
    return logits.softmax(dim=1)


class DefaultLayout(nn.Module):
    """A network with torch's default memory layout that returns freed memory, as in a plain PyTorch script."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.contiguous_format)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute logits (B, num_classes) of normalised images (B, 3, S, S)."""
        with freed_memory_returned():
            logits: torch.Tensor = self.network(images.contiguous())
            return logits


SIDE = 1536
"""Side of the square matrices: three of them fill the caches, and packing them costs less than 1 %."""


def peak_multiply_adds(seconds: float = 1.0) -> float:
    """Return the multiply-adds per second in 32 bits of the fastest matrix product of torch or NumPy on all cores."""
    left, right = np.random.default_rng(0).standard_normal((2, SIDE, SIDE), dtype=np.float32)
    first, second = torch.from_numpy(left), torch.from_numpy(right)
    # The fastest of many calls is the speed of the machine when nothing disturbs it.
    return SIDE**3 / min(*_times(lambda: first @ second, seconds), *_times(lambda: left @ right, seconds))
