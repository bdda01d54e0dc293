"""The verdict on an ensemble: its figures in English sentences, and as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from munseo._ensemble.candidates import EnsembleJudgement
from munseo._evaluation.comparison import Difference
from munseo._locale import Texts


def sentences(judgement: EnsembleJudgement, names: Sequence[str]) -> list[str]:
    """Return the verdict against the best member, the one against the mean, and the members that could go."""
    texts = Texts("en", "ensemble")
    lines = [_against_best(judgement, names[judgement.best], texts), _against_mean(judgement, texts)]
    if judgement.would_drop:
        dropped = ", ".join(
            f"{names[number]} (adds {_short(judgement.contributions[number])})" for number in judgement.would_drop
        )
        lines.append(texts("drop", names=dropped))
    else:
        lines.append(texts("all_stay"))
    return [line.replace("`", "") for line in lines]


def table(judgement: EnsembleJudgement, names: Sequence[str], weights: Sequence[float | None]) -> list[str]:
    """Return lines for the terminal: candidates with their scores, then members with their weights."""
    texts = Texts("en", "ensemble")
    title = f"out of fold, {judgement.decided_on} pages"
    lines = [f"{title:34}  macro-F1  95% interval      accuracy  log loss"]
    for name, score in judgement.candidates.items():
        low, high = score["macro_f1_interval"]
        lines.append(
            f"{texts(f'candidate.{name}'):34}  {score['macro_f1']:.4f}    {low:.4f} to {high:.4f}  "
            f"{score['accuracy']:.4f}    {score['loss']:.4f}"
        )
    lines.append("what each member adds to the mean (macro-F1, 95% interval)")
    for name, weight, contribution in zip(names, weights, judgement.contributions, strict=True):
        weighted = "" if weight is None else f"weight {weight:.3f}, "
        lines.append(f"  {name}: {weighted}{_short(contribution)}")
    return lines


def _against_best(judgement: EnsembleJudgement, best_name: str, texts: Texts) -> str:
    against, difference = judgement.decisive
    return texts(
        _verdict(difference),
        opponent=texts(f"opponent_{against}", best=best_name),
        own=f"{judgement.candidates[judgement.method]['macro_f1']:.4f}",
        other=f"{judgement.candidates[against]['macro_f1']:.4f}",
        figures=_figures(difference, texts),
        best=best_name,
    )


def _against_mean(judgement: EnsembleJudgement, texts: Texts) -> str:
    if judgement.method == "mean":
        return texts("mean_chosen", figures=_figures(judgement.differences["weights"], texts))
    mean = judgement.differences["mean"]
    return texts(f"mean_{_verdict(mean)}", figures=_figures(mean, texts))


def _verdict(difference: Difference) -> str:
    return difference.conclusion if difference.conclusion in ("better", "worse") else "same"


def _figures(difference: Difference, texts: Texts) -> str:
    value, low, high = _signed(difference)
    return texts("figures", value=value, low=low, high=high, p=f"{difference.p_better:.2f}")


def _short(difference: Difference) -> str:
    value, low, high = _signed(difference)
    return f"{value}, {low} to {high}"


def _signed(difference: Difference) -> list[str]:
    numbers = (difference.value, difference.low, difference.high)
    return [f"{number:+.4f}".replace("-", "−") for number in numbers]
