"""The model that measures: the engine that a run has or gets, or torch, and how long judging with it will take.

Clean validation pages are always predicted by torch, page by page: with these predictions an engine is compared. All
other tables only measure, so that their last digits do not matter.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from munseo._config import Config
from munseo._console import quietly, say
from munseo._data import Page
from munseo._engines.backends import load_backend
from munseo._model import Classifier, ModelCard
from munseo._prediction import InferenceSetup, predict_pages
from munseo._prediction.device import IMAGES_AT_ONCE
from munseo._prediction.prepared_engine import prepare_engine, ready_engine
from munseo._prediction.shifted_pages import profile_cells
from munseo._prediction.tta import VIEWS
from munseo._run import RunFolder

WORTH_AN_ENGINE = 20_000_000
"""Pixels of all images that will be predicted, from which on an engine is made. It takes 2 to 4 s, as torch does for
about 12 million pixels of lite0 on two cores. The clock does not decide, since a resumed run has to decide alike."""
TRIAL_PAGES = 8
"""Pages that are predicted to estimate how long judging takes."""


@dataclass(frozen=True)
class MeasuringModel:
    """What predicts where predictions only measure.

    Attributes:
        classifier: The model; an engine or torch runs its network.
        setup: How it runs on this machine.
        backend: The name of the engine, or ``torch``.
    """

    classifier: Classifier
    setup: InferenceSetup
    backend: str


@dataclass(frozen=True)
class Workload:
    """The predictions of judging one model, each of a page by a view; a second look may add some.

    Attributes:
        clean: Those of clean pages.
        measured: All others.
    """

    clean: int
    measured: int

    @classmethod
    def of(cls, config: Config, card: ModelCard, num_pages: int, has_recipe: bool, has_profile: bool) -> Workload:
        """Count the predictions for so many pages, with or without a recipe of damage and a robustness profile."""
        clean = num_pages * len(card.tta_views)
        if not has_recipe:
            return cls(clean, 0)
        views = num_pages * len(VIEWS) + num_pages * len(card.tta_views) * (config.shifted_draws - 1)
        profile = min(config.robustness_pages, num_pages) * len(profile_cells()) if has_profile else 0
        return cls(clean, views + profile)


def measuring_models(
    models: Sequence[RunFolder],
    exact: Sequence[Classifier],
    pages: Sequence[Page],
    setup: InferenceSetup,
    workload: Workload,
) -> list[MeasuringModel]:
    """Return what measures in place of some models, and say how long judging will take.

    Args:
        models: The folders with their weights.
        exact: The same models, run by torch.
        pages: Their validation pages.
        setup: How torch runs them.
        workload: The predictions of each model.
    """
    backend = _engine(models, exact[0].card, pages, setup, workload)
    batches = replace(setup, images_at_once=IMAGES_AT_ONCE)
    found = [
        MeasuringModel(own if backend is None else load_backend(model, own.card, backend), batches, backend or "torch")
        for model, own in zip(models, exact, strict=True)
    ]
    _say_estimate(exact[0], setup, found[0], pages, workload, len(models))
    return found


def _engine(
    models: Sequence[RunFolder], card: ModelCard, pages: Sequence[Page], setup: InferenceSetup, workload: Workload
) -> str | None:
    if not workload.measured:
        return None
    if workload.measured * card.image_size**2 < WORTH_AN_ENGINE:
        return ready_engine(models, setup)
    return prepare_engine(models, pages, setup)


def _say_estimate(
    exact: Classifier,
    setup: InferenceSetup,
    measuring: MeasuringModel,
    pages: Sequence[Page],
    workload: Workload,
    num_models: int,
) -> None:
    """Print how long judging will take, by the time of a few pages."""
    some = pages[:TRIAL_PAGES]
    seconds = num_models * workload.clean * _seconds_a_page(exact, some, setup)
    if workload.measured:
        one = _seconds_a_page(measuring.classifier, some, measuring.setup)
        seconds += num_models * workload.measured * one
    count = num_models * (workload.clean + workload.measured)
    say(f"judging: {count:,} predictions of pages by single views, about {seconds:.0f} s ({measuring.backend})")


def _seconds_a_page(classifier: Classifier, pages: Sequence[Page], setup: InferenceSetup) -> float:
    with quietly():  # no progress bars
        predict_pages(classifier, pages, setup)  # The first pass of an engine compiles.
        start = time.perf_counter()
        predict_pages(classifier, pages, setup)
    return (time.perf_counter() - start) / len(pages)
