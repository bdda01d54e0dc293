"""``judging: quick``: the interval of accuracy covers the truth where it stops, and its answers are right."""

from __future__ import annotations

from munseo._evaluation.confidence_sequence import OF_DAMAGE, OF_VIEW, Question, interval_of_mean
from munseo._randomness import generator
from munseo._training.quick_judgement import BLOCK
from promise_checks.promise import Promise, at_least

WORLDS = {
    "a harmless damage": (OF_DAMAGE, (0.01, 0.98, 0.01)),
    "a damage that costs 4 points": (OF_DAMAGE, (0.06, 0.92, 0.02)),
    "a damage that costs 6 points": (OF_DAMAGE, (0.07, 0.92, 0.01)),
    "a damage that costs 30 points": (OF_DAMAGE, (0.35, 0.6, 0.05)),
    "a view without effect": (OF_VIEW, (0.04, 0.92, 0.04)),
    "a view that helps by 5 points": (OF_VIEW, (0.02, 0.91, 0.07)),
}
"""What is asked, and the probabilities that a page becomes wrong, stays as it was, or becomes right."""
NUM_PAGES, NUM_TRIALS = 240, 300


def check() -> list[Promise]:
    """Judge pages block by block until the question is answered, and count the intervals that cover the truth."""
    return [_row(world, question, chances) for world, (question, chances) in WORLDS.items()]


def _row(world: str, question: Question, chances: tuple[float, float, float]) -> Promise:
    truth, covered, judged = chances[2] - chances[0], 0, 0
    for trial in range(NUM_TRIALS):
        values = generator(trial, "promises/quick judging").choice((-1, 0, 1), NUM_PAGES, p=chances)
        for end in range(BLOCK, NUM_PAGES + 1, BLOCK):
            low, high = interval_of_mean(values[:end], question.level)
            if question.is_answered((low, high)):
                break
        covered += low <= truth <= high
        judged += end
    measured = covered / NUM_TRIALS
    return Promise(
        "interval of quick judging", world, f"at least {question.level:.2f} covered",
        f"{measured:.3f}, after {judged / NUM_TRIALS:.0f} of {NUM_PAGES} pages", NUM_TRIALS,
        at_least(measured, question.level, NUM_TRIALS),
    )  # fmt: skip
