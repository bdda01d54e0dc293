"""The trial that ``--backend auto`` makes when a run is loaded: every backend predicts, and the fastest one is kept.

The choice is made once, before the first page, and for all models of a run: what predicts must be known for its
temperature and threshold, and the folds of a run must not be predicted by different arithmetic.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Collection, Sequence

import numpy as np

from munseo._console import quietly, say
from munseo._engines.backends import exported, load_backend
from munseo._engines.engine import INT8, engine_of, export_command
from munseo._engines.sidecar import run_for_commands
from munseo._model import Classifier
from munseo._prediction.device import InferenceSetup
from munseo._prediction.inference import predict_pages, read_card
from munseo._prediction.loader import DecodedPage
from munseo._randomness import generator
from munseo._run import RunFolder

TRIAL_PAGES = 16
"""Pages on which all backends are tried."""
TRIAL_ROUNDS = 3


def common_exports(models: Sequence[RunFolder]) -> list[str]:
    """Return the names of the exports that all of these models have and this machine can run."""
    names = [name for name in exported(models[0]) if all(name in exported(model) for model in models)]
    for name in names:
        if not engine_of(name).is_installed:
            say(f"backend {name}: left out, {engine_of(name).package} is not installed")
    return [name for name in names if engine_of(name).is_installed]


def fastest_backend(model: RunFolder, exports: Sequence[str], setup: InferenceSetup) -> str:
    """Try torch and some exports of one model, and report and return the fastest.

    An export in full precision that decides differently from torch is left out. One in INT8 may differ: its loss was
    measured when it was exported.
    """
    if not exports:
        say(f"backend: torch (nothing else is exported: {export_command(run_for_commands(model), 'openvino')})")
        return "torch"
    card = read_card(model)
    candidates = {name: load_backend(model, card, name) for name in ("torch", *exports)}
    return fastest(candidates, setup)


def fastest(candidates: dict[str, Classifier], setup: InferenceSetup) -> str:
    """Return the name of the fastest of these classifiers, ``torch`` among them, and report all speeds."""
    pages = _noise(candidates["torch"].card.image_size, candidates["torch"].card.orientation)
    with quietly():  # no progress bars
        # The first pass of an engine compiles; it is not timed.
        decisions = {name: _decisions(classifier, pages, setup) for name, classifier in candidates.items()}
        agree = {name: int((decided == decisions["torch"]).sum()) for name, decided in decisions.items()}
        times: dict[str, list[float]] = {
            name: [] for name in candidates if name.endswith(INT8) or agree[name] == len(pages)
        }
        for _ in range(TRIAL_ROUNDS):
            for name, seconds in times.items():
                start = time.perf_counter()
                _decisions(candidates[name], pages, setup)
                seconds.append(time.perf_counter() - start)
    rates = {name: len(pages) / statistics.median(seconds) for name, seconds in times.items()}
    best = max(rates, key=lambda name: rates[name])
    say(f"backend: {best} (pages a second: {', '.join(f'{name} {rate:.1f}' for name, rate in rates.items())})")
    _report_left_out(set(decisions) - set(rates), agree, len(pages))
    return best


def _report_left_out(names: Collection[str], agree: dict[str, int], num_pages: int) -> None:
    for name in sorted(names):
        say(f"backend {name}: left out, decides as torch on only {agree[name]} of {num_pages} pages")


def _decisions(classifier: Classifier, pages: Sequence[DecodedPage], setup: InferenceSetup) -> np.ndarray:
    return np.asarray(predict_pages(classifier, pages, setup).argmax(axis=1))


def _noise(size: int, orientation: str) -> list[DecodedPage]:
    """Return pages of coarse noise of different brightness: what is on a page does not change the time it takes."""
    rng = generator(0, "backend trial")
    pages = []
    for brightness in np.linspace(0.2, 1, TRIAL_PAGES):
        coarse = rng.integers(0, 256, (8, 8, 3)) * brightness
        page = np.kron(coarse, np.ones((-(-size // 8), -(-size // 8), 1)))[:size, :size].astype(np.uint8)
        pages.append(DecodedPage({(size, orientation): page}))
    return pages
