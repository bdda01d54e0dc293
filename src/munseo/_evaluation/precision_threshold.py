"""The confidence from which predictions are promised to be right with a wanted precision.

The promise: whatever the model and the data, at most one validation set in ten (``FAILURE_RATE``) leads to a threshold
above which fewer predictions are right than was wanted, among pages like the validation pages.

**Method.** Fixed-sequence testing, a special case of Learn then Test (Angelopoulos et al., 2021). The candidates are
confidences of a preset grid (``GRID``), from the strict end to the lenient one. Each is tested by the exact binomial
test (Clopper and Pearson, 1934) at level 10 %, and the first one that fails ends the sequence: the one before it is
the threshold. To take the lowest of all candidates whose tests succeed breaks up to 45 % of the promises.

**Where it starts.** The strict end has too few pages for any test to succeed. The sequence starts at the first
candidate that covers enough pages to succeed with a few mistakes (``_first_count``), a number that depends on the
target and on how many pages there are, not on what is predicted.

**Dependent pages.** Draws of a page, and pages of one group, go wrong together. Each group is therefore one
observation: one of its rows, drawn at random. What is promised is the precision on a random page of a random group,
which is that on a random page where all groups are equally large.

**A second look.** Its rule was chosen on the same pages. It is tested itself, on the final predictions that it gives,
at a level that is divided by the number of candidates: the probability that the promise of any candidate is broken is
at most the sum of theirs (Bonferroni). Predictions by cross-fitted rules would not do: each fold has another rule than
the one that predicts, and up to 20 % of the promises are broken.

**Proof.** The rows that are tested are independent draws from one population. Suppose that a more confident page is
never less often right. Then the candidates whose precision is too low are all those below some confidence, and the
pages in each band between two of them are right with a probability below the target as well. The promise is broken
only if the first of these candidates that the sequence reaches passes its test. Which one that is depends on nothing
but the numbers of pages above these candidates. Given those numbers, each page above it is right with a probability
below the target, independently of the others. The number of right ones is then stochastically smaller than the
binomial variable of the test, which passes with a probability of at most 10 %. Where confidence ranks pages wrongly,
this still holds if the sequence starts above the first candidate whose precision is too low; benchmarks/promises.py
measures such worlds too.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betainc, expit

from munseo._evaluation.calibration import confidence_and_hits, coverage_at
from munseo._evaluation.second_look import NUM_CANDIDATES
from munseo._randomness import generator

FAILURE_RATE = 0.1
"""Largest probability that a promise is broken."""
RATE_OF_A_CHOSEN_LOOK = FAILURE_RATE / NUM_CANDIDATES
"""The same for a second look that was chosen among its candidates on the very pages that are tested. If none of them
breaks its promise more often than this, the chosen one does so in one case in ten at most, however it was chosen."""
GRID = expit(np.arange(16, -8, -0.1)).astype(np.float32).astype(np.float64)
"""Candidate confidences, strict to lenient, in equal steps of the logit: 0.9999999 to 0.0004. They are float32, as
probabilities are, so that no comparison depends on rounding."""
MOST_MISTAKES = 5
"""Mistakes with which the first test can still succeed, at most. With none, a single mistake among the most confident
pages would end the sequence before it began."""
LARGEST_START = 0.5
"""Largest fraction of all groups that the first test may need."""


def threshold_for_precision(
    labels: np.ndarray,
    probabilities: np.ndarray,
    target: float,
    groups: np.ndarray | None = None,
    failure_rate: float = FAILURE_RATE,
) -> dict[str, float | None]:
    """Return the lowest confidence from which predictions are promised to be right with probability ``target``.

    The promise is broken for at most one validation set in ten; the text of this module has the method and the proof.
    The price of a promise: 0.99 needs 230 independent pages without a mistake above the threshold, 0.95 needs 45.

    Args:
        labels: True classes.
        probabilities: Calibrated.
        target: Wanted fraction of right predictions, above 0 and below 1.
        groups: Number of the group of each row, int (N,); rows of one group, such as the draws of a page, count as one
            observation. None: every row is its own group.
        failure_rate: Largest probability that the promise is broken; smaller where one of several pipelines was chosen
            on the same pages (``RATE_OF_A_CHOSEN_LOOK``).

    Returns:
        ``target_precision``, ``threshold``, ``coverage``, and ``precision``: the plain fraction above the threshold,
        both over all rows. Threshold and precision are None and coverage is 0 where no threshold can be promised.
    """
    confidence, right = confidence_and_hits(labels, probabilities)
    rows = np.arange(len(labels)) if groups is None else _one_row_each(groups, confidence, right)
    order = rows[np.argsort(-confidence[rows], kind="stable")]
    covered = np.searchsorted(-confidence[order].astype(np.float64), -GRID, side="right")
    hits = np.concatenate([[0], np.cumsum(right[order])])[covered]
    succeeds = _chance(hits, covered, target) <= failure_rate
    start = int(np.searchsorted(covered, _first_count(len(rows), target, failure_rate)))
    last = start + int(np.append(~succeeds[start:], True).argmax()) - 1
    if last < start:
        return {"target_precision": float(target), "threshold": None, "coverage": 0.0, "precision": None}
    # Candidates that cover the same pages are promised together; the strictest leaves out what was never seen.
    best = max(start, int(np.searchsorted(covered, covered[last])))
    return {"target_precision": float(target), **coverage_at(labels, probabilities, float(GRID[best]))}


def _one_row_each(groups: np.ndarray, confidence: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the index of one random row of each group, int (G,).

    The random numbers are dealt to the groups by what is in them, so that the order of the rows does not matter: the
    report and a prediction read the same rows in different orders. The choice stays uniform and independent of the
    content, since any assignment of independent uniform numbers is.
    """
    _, kinds = np.unique(np.column_stack([confidence, right]), axis=0, return_inverse=True)
    order = np.lexsort([kinds, groups])
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1) if len(order) else []
    members.sort(key=lambda rows: tuple(kinds[rows]))
    draws = generator(0, "precision threshold").random(len(members))
    return np.array([rows[int(draw * len(rows))] for rows, draw in zip(members, draws, strict=True)], dtype=np.int64)


def _chance(hits: np.ndarray, covered: np.ndarray, target: float) -> np.ndarray:
    """Return the probability that at least ``hits`` of ``covered`` pages are right if each is with ``target``."""
    return np.where(hits > 0, betainc(np.maximum(hits, 1), covered - hits + 1, target), 1.0)


def _first_count(num_groups: int, target: float, failure_rate: float) -> int:
    """Return how many groups the first candidate covers at least.

    They are as many as the test needs to succeed with up to five mistakes, with as many as half of all groups allow;
    without a mistake at least.
    """
    sizes = np.arange(1, num_groups + 1)
    least = num_groups + 1
    for mistakes in range(MOST_MISTAKES + 1):
        enough = sizes[_chance(np.maximum(sizes - mistakes, 0), sizes, target) <= failure_rate]
        if not len(enough) or (mistakes and enough[0] > LARGEST_START * num_groups):
            break
        least = int(enough[0])
    return least
