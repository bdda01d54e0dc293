"""The engine that a run gets by itself: an export in full precision, made and checked when it will pay off.

``munseo export`` checks an export on all validation pages and needs the data. What is prepared here is checked on some
of the pages at hand, so it can be made wherever a run predicts.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from munseo._console import quietly, say
from munseo._data import Page
from munseo._engines import ENGINES
from munseo._engines.backends import open_engine
from munseo._engines.engine import FASTEST_FIRST
from munseo._engines.export_folder import drafts, has_export, place, write_sidecar
from munseo._engines.sidecar import read_sidecar
from munseo._errors import UserError
from munseo._model import Classifier, load_classifier
from munseo._model.multiply_adds import multiply_adds
from munseo._packages import missing_packages
from munseo._prediction.device import InferenceSetup
from munseo._prediction.inference import predict_pages, read_card
from munseo._prediction.loader import DecodedPage
from munseo._prediction.parity import Agreement, agreement, disagreements
from munseo._run import RunFolder

NUM_PAGES = 32
"""Pages on which torch and a new engine are compared."""
WORTH_MULTIPLY_ADDS = 3e11
"""Work from which an engine is made: torch needs about 15 s for it on two cores, and making one takes 5 to 10 s
(docs/export.md)."""
FEWEST_PASSES = 50
"""Images below which the work is not even counted."""

Pages = Sequence[Page | DecodedPage]


class CannotPrepareError(Exception):
    """Why a run keeps to torch; the message ends a sentence."""


def models_of(members: Sequence[RunFolder]) -> list[RunFolder]:
    """Return the folders with the weights of some runs: their folds, or the runs themselves."""
    return [model for run in members for model in run.folds or [run]]


def suits(setup: InferenceSetup) -> bool:
    """Return whether engines may take the place of torch: on a processor."""
    return setup.device.type == "cpu"


def ready_engine(models: Sequence[RunFolder], setup: InferenceSetup) -> str | None:
    """Return the fastest export in full precision that all of these models have and this machine can run.

    An export of other weights, or one that was damaged, does not count.
    """
    if not suits(setup):
        return None
    for name in FASTEST_FIRST:
        if all(has_export(model, name) for model in models) and ENGINES[name].is_installed:
            try:
                for model in models:
                    read_sidecar(model.export_dir(name), model, read_card(model))
                return name
            except UserError:
                continue
    return None


def is_worth_preparing(passes: Sequence[tuple[RunFolder, int]], setup: InferenceSetup) -> bool:
    """Return whether an engine that is made now pays off within one prediction.

    Args:
        passes: Each model, and how many images it will get.
        setup: How torch predicts.
    """
    if not suits(setup) or ready_engine([model for model, _ in passes], setup) is not None:
        return False
    if max(number for _, number in passes) * len(passes) < FEWEST_PASSES:
        return False
    return sum(number * _multiply_adds(model) for model, number in passes) >= WORTH_MULTIPLY_ADDS


def _multiply_adds(model: RunFolder) -> float:
    card = read_card(model)
    return multiply_adds(load_classifier(card, model.weights_file).network, card.image_size)


def prepare_engine(models: Sequence[RunFolder], pages: Pages, setup: InferenceSetup) -> str | None:
    """Make the fastest engine for some models ready to use, and keep it in their folders.

    What is ready already is used. Otherwise every model is written for the first engine that is installed, and compared
    with torch on some of the pages: decisions have to be the same and probabilities equal within ``TOLERANCE``. All
    models get the engine, or none. One line says what came of it; nothing here is an error.

    Args:
        models: The folders with the weights: a run, its folds, or those of an ensemble's members.
        pages: Pages like those that will be predicted, at least one; the comparison takes 32 of them.
        setup: How torch predicts.

    Returns:
        The name of the engine for ``load_members`` and ``load_backend``; None where torch has to predict.
    """
    if (ready := ready_engine(models, setup)) is not None:
        return ready
    if not suits(setup):
        return None
    start = time.perf_counter()
    try:
        name = _installed()
        with quietly():  # no progress bars
            found = _prepare(models, name, _sample(pages), setup)
    except CannotPrepareError as reason:
        say(f"engine: torch predicts, since {reason}")
        return None
    say(
        f"engine: {name}, made in {time.perf_counter() - start:.0f} s and kept in {_kept_in(models)} ({found}); "
        "--backend torch does without it"
    )
    return name


def _installed() -> str:
    for name in FASTEST_FIRST:
        if not missing_packages([ENGINES[name].package, *ENGINES[name].packages_to_write]):
            return name
    raise CannotPrepareError("no faster engine is installed (pip install 'munseo[export]')")


def _sample(pages: Pages) -> Pages:
    """Return pages spread over all of them, as neighbours are often alike."""
    chosen = np.unique(np.linspace(0, len(pages) - 1, NUM_PAGES).round().astype(int))
    return [pages[int(index)] for index in chosen]


def _prepare(models: Sequence[RunFolder], name: str, pages: Pages, setup: InferenceSetup) -> Agreement:
    """Write, check and place an engine for every model, and return the worst agreement.

    Raises:
        CannotPrepareError: It cannot be done for one of the models.
    """
    try:
        with drafts(models, name) as folders:
            found = [_write(*pair, name, pages, setup) for pair in zip(models, folders, strict=True)]
            place(models, name, folders)
    except OSError as error:
        # Another process may have placed the same engine at the same moment.
        if ready_engine(models, setup) != name:
            raise CannotPrepareError(
                f"{_kept_in(models)} cannot be written ({error.strerror or type(error).__name__})"
            ) from None
    except UserError as error:
        raise CannotPrepareError(str(error)) from None
    return max(found, key=lambda one: one.max_difference)


def _write(model: RunFolder, draft: Path, name: str, pages: Pages, setup: InferenceSetup) -> Agreement:
    """Write the engine of one model into a draft, if it predicts as torch does."""
    card = read_card(model)
    classifier = load_classifier(card, model.weights_file)
    before = predict_pages(classifier, pages, setup)
    start = time.perf_counter()
    ENGINES[name].write(classifier.network, card.image_size, draft)
    engine = Classifier(open_engine(draft, name), card)
    after = predict_pages(engine, pages, setup)
    found = agreement(before, after)
    if problems := disagreements(found):
        raise CannotPrepareError(f"{name} answers otherwise ({model.name}: {'; '.join(problems)})")
    write_sidecar(draft, model, card, name, {"parity": asdict(found), "prepared_s": time.perf_counter() - start})
    return found


def _kept_in(models: Sequence[RunFolder]) -> str:
    return f"{models[0].path}/export" + (f" and {len(models) - 1} others" if len(models) > 1 else "")
