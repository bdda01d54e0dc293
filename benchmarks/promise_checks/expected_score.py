"""The 90 % interval of the expected score covers the real macro-F1, or is not stated.

The evidence of a page is a normal vector with a bump at its class; the model multiplies it by 3.2 and is therefore too
sure. Damage weakens the bump. Validation pages are predicted clean and under the recipe, twice; the unlabelled pages
have the same damage, a weaker or a stronger one, other proportions of the classes, or a class that nobody knows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import f1_score

from munseo._evaluation.expectation import expect_macro_f1
from promise_checks.promise import Promise, at_least

NUM_TRIALS = 40
NUM_CLASSES = 6
CLEAN, RECIPE = 3.2, 2.2
"""Height of the bump on clean pages and under the recipe."""
STATED = 0.9


@dataclass(frozen=True)
class _World:
    """The unlabelled pages: their number, the height of the bump, the proportions of the classes.

    ``num_val`` is the number of validation pages, ``unknown`` the fraction of pages of a class that nobody knows.
    """

    name: str
    bump: float = RECIPE
    num_pages: int = 375
    proportions: tuple[float, ...] = (1, 1, 1, 1, 1, 1)
    num_val: int = 350
    unknown: float = 0.0


WORLDS = (
    _World("damaged as the recipe, 375 pages"),
    _World("damaged as the recipe, 150 validation pages", num_val=150),
    _World("weaker damage than the recipe", bump=2.7),
    _World("stronger damage than the recipe", bump=1.5),
    _World("70 % of the pages are of one class", proportions=(14, 1.2, 1.2, 1.2, 1.2, 1.2)),
    _World("two of six classes occur", proportions=(1, 1, 0, 0, 0, 0)),
    _World("30 pages", num_pages=30),
    _World("20 % of the pages are of a class that nobody knows", unknown=0.2),
)


def check() -> list[Promise]:
    """Count how often the interval is stated, and how often it then covers."""
    return [_row(world) for world in WORLDS]


def _row(world: _World) -> Promise:
    rng = np.random.default_rng(5)
    stated = covered = 0
    errors = []
    for _ in range(NUM_TRIALS):
        val_labels = rng.integers(0, NUM_CLASSES, world.num_val)
        clean, first, second = (_predict(rng, val_labels, bump) for bump in (CLEAN, RECIPE, RECIPE))
        chances = np.array(world.proportions) / sum(world.proportions)
        labels = rng.choice(NUM_CLASSES, world.num_pages, p=chances)
        test = _predict(rng, labels, world.bump)
        labels = np.where(rng.random(world.num_pages) < world.unknown, NUM_CLASSES, labels)
        # Macro-F1 over the classes that occur: a class that is only predicted by mistake is no class of these pages.
        real = f1_score(labels, test.argmax(axis=1), labels=np.unique(labels), average="macro", zero_division=0)
        expected = expect_macro_f1(val_labels, clean, np.stack([first, second]), test)
        errors.append(expected.macro_f1 - real)
        if expected.interval is not None:
            stated += 1
            covered += expected.interval[0] <= real <= expected.interval[1]
    known = not world.unknown
    return Promise(
        name="interval of the expected score",
        world=world.name,
        stated="covers in 90 % where it is stated" if known else "nothing: a new class cannot be seen (docs)",
        measured=f"stated {stated}, covered {covered}; mean error {np.mean(errors):+.3f}",
        num_trials=NUM_TRIALS,
        holds=not known or not stated or at_least(covered / stated, STATED, stated),
    )


def _predict(rng: np.random.Generator, labels: np.ndarray, bump: float) -> np.ndarray:
    """Return the probabilities of a model that is too sure, float32 (N, K)."""
    evidence = rng.normal(0, 1, (len(labels), NUM_CLASSES))
    evidence[np.arange(len(labels)), labels] += bump
    powers = np.exp(3.2 * (evidence - evidence.max(axis=1, keepdims=True)))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
