"""``munseo bench predict``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from munseo._bench.prediction_bench import COLUMNS, USUAL, DefaultLayout, bench_backends, multiply_adds, table_rows
from munseo._console import quietly, say
from munseo._engines import exported, installed, load_backend
from munseo._errors import UserError
from munseo._export import Job, compare
from munseo._model import Classifier, load_classifier
from munseo._prediction import Settings, predict_pages
from munseo._prediction.combination import is_ensemble, member_folders
from munseo._prediction.inference import read_card
from munseo._prediction.loader import InferencePages
from munseo._run import open_run
from munseo._run.manifest import identity
from munseo.api.exporting import list_jobs

__all__ = ["COLUMNS", "bench_predict", "table_rows"]

PARITY_PAGES = 200
"""Validation pages that every backend answers; an export was compared on all of them."""


def bench_predict(
    run: Path | str,
    *,
    batch_sizes: Sequence[int] = (8, 32),
    seconds: float = 1.0,
    data: Path | str | None = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """Measure how fast a run's model answers by each of its backends on this machine's processor.

    Args:
        run: The run folder. Of a k-fold run the first fold is measured, of an ensemble the first member.
        batch_sizes: For the throughput; the best of them counts.
        seconds: Of one measurement; each is made in 5 rounds.
        data: Where the data are now; None: where they were.
        quiet: Print nothing but errors.

    Returns:
        ``run, model_name, image_size, system, versions, num_threads, multiply_adds, peak_multiply_adds, backends``;
        the last has a row a backend (``munseo._bench.prediction_bench.bench_backends``) with ``parity`` beside torch.
        ``table_rows`` makes a table of it.

    Raises:
        UserError: The data are not there, or a number is out of range.
    """
    if not batch_sizes or min(batch_sizes) < 1 or seconds <= 0:
        raise UserError("bench: batch sizes should be 1 or more, and seconds above 0.")
    with quietly(quiet):
        folder = open_run(run)
        job = list_jobs(member_folders(folder)[0] if is_ensemble(folder) else folder, data)[0]
        classifiers = _classifiers(job)
        card = classifiers[USUAL].card
        pages = InferencePages(job.parts.val[: max(batch_sizes)], card.image_size, card.orientation)
        images = torch.from_numpy(np.stack([pages[place][0] for place in range(len(pages))]))
        say(f"measuring {', '.join(classifiers)}")
        parities = _parities(job, classifiers)
        needed = multiply_adds(load_classifier(card, job.run.weights_file).network, card.image_size)
        rows, peak = bench_backends(classifiers, images, batch_sizes, seconds, needed)
        about = identity(job.run.name, datetime.now().astimezone(), [])
    return {
        "run": job.run.name,
        "model_name": card.model_name,
        "image_size": card.image_size,
        "system": about["system"],
        "versions": about["versions"],
        "num_threads": torch.get_num_threads(),
        "multiply_adds": needed,
        "peak_multiply_adds": peak,
        "backends": [{**row, "parity": parities[row["backend"]]} for row in rows],
    }


def _classifiers(job: Job) -> dict[str, Classifier]:
    """Torch as usual, torch as ``munseo predict`` runs it, and every export that can run here."""
    card = read_card(job.run)
    names = [name for name in exported(job.run) if installed(name)]
    found = {USUAL: load_classifier(card, job.run.weights_file)}
    for name in ("torch", *names):
        found[name] = load_backend(job.run, card, name)
    found["torch"].to(memory_format=torch.channels_last)
    found[USUAL].network = DefaultLayout(found[USUAL].network)
    return found


def _parities(job: Job, classifiers: dict[str, Classifier]) -> dict[str, dict[str, Any]]:
    val = job.parts.val[:PARITY_PAGES]
    card = classifiers[USUAL].card
    labels = np.array([card.class_names.index(job.class_names[page.label or 0]) for page in val])
    settings = Settings(torch.device("cpu"), 16)
    before = predict_pages(classifiers["torch"], val, settings)
    answers = dict.fromkeys((USUAL, "torch"), before)
    answers |= {name: predict_pages(own, val, settings) for name, own in classifiers.items() if name not in answers}
    return {name: compare(labels, before, after).to_dict() for name, after in answers.items()}
