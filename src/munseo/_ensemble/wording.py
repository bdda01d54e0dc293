"""What an ensemble's numbers mean, in sentences and a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from munseo._ensemble.candidates import Judgement
from munseo._evaluation.comparison import Difference

CANDIDATES = {
    "best_member_in_fold": "best member, chosen in each fold",
    "best_member": "best member on all pages",
    "mean": "plain mean",
    "weights": "weighted mean",
    "stack": "logistic stack",
}


def sentences(judgement: Judgement, names: Sequence[str]) -> list[str]:
    """The verdict against the best member, the mean beside it, and the members that could go."""
    said = [_against_best(judgement, names[judgement.best]), _against_mean(judgement)]
    if judgement.would_drop:
        dropped = ", ".join(
            f"{names[number]} (adds {_figures(judgement.contributions[number], short=True)})"
            for number in judgement.would_drop
        )
        said.append(f"Members that could go, since the others do as well without them: {dropped}.")
    else:
        said.append("Every member adds something; none would be dropped.")
    return said


def table(judgement: Judgement, names: Sequence[str], weights: Sequence[float | None]) -> list[str]:
    """Lines for the terminal: candidates with their scores, then members with their weights."""
    title = f"out of fold, {judgement.decided_on} pages"
    lines = [f"{title:34}  macro-F1  95 % interval     accuracy  log loss"]
    for name, score in judgement.candidates.items():
        low, high = score["macro_f1_interval"]
        lines.append(
            f"{CANDIDATES[name]:34}  {score['macro_f1']:.4f}    {low:.4f} to {high:.4f}  "
            f"{score['accuracy']:.4f}    {score['loss']:.4f}"
        )
    lines.append("what each member adds to the mean (macro-F1, 95 % interval)")
    for name, weight, contribution in zip(names, weights, judgement.contributions, strict=True):
        share = "" if weight is None else f"weight {weight:.3f}, "
        lines.append(f"  {name}: {share}{_figures(contribution, short=True)}")
    return lines


def _against_best(judgement: Judgement, best_name: str) -> str:
    against, difference = judgement.decisive
    own = judgement.candidates[judgement.method]["macro_f1"]
    other = judgement.candidates[against]["macro_f1"]
    opponent = f"its best member, {best_name}" if against == "best_member" else "its best member, chosen in each fold"
    figures = f"macro-F1 {own:.4f} against {other:.4f}, {_figures(difference)}"
    if difference.conclusion == "better":
        return f"The ensemble is better than {opponent}: {figures}."
    if difference.conclusion == "worse":
        return f"The ensemble is worse than {opponent}: {figures}. Use {best_name} alone."
    return f"The ensemble is not better than {opponent}, as far as these pages can tell: {figures}."


def _against_mean(judgement: Judgement) -> str:
    if judgement.method == "mean":
        weights = judgement.differences["weights"]
        return f"All members count the same, since this is better than fitted weights: {_figures(weights)}."
    mean = judgement.differences["mean"]
    relation = {"better": "better than", "worse": "worse than"}.get(mean.conclusion, "not distinguishable from")
    return f"It is {relation} the plain mean of its members: {_figures(mean)}."


def _figures(difference: Difference, short: bool = False) -> str:
    value, low, high = (
        f"{number:+.4f}".replace("-", "−") for number in (difference.value, difference.low, difference.high)
    )
    if short:
        return f"{value}, {low} to {high}"
    return f"difference {value} (95 % interval {low} to {high}, probability of being better {difference.p_better:.2f})"
