"""Fusion: the probabilities of the image and of the words of a page made one, as far as the words can be trusted.

The image model was trained on its training pages, and so was the text model: what they predict there says nothing.
Both are judged on validation pages, and that is where the fusion is fitted: it has a handful of numbers, and the scores
that are stated come from fits without the page's own group (``judge_fusion``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from munseo._evaluation.calibration import fit_temperature
from munseo._evaluation.comparison import Difference, paired_bootstrap
from munseo._evaluation.group_folds import deal_groups_by_class

QUALITIES = ("log_words", "reading_confidence", "pose_certainty")
"""What is known about the reading of a page: log(1 + number of words), mean confidence, certainty of the pose."""
LEVEL = 0.90
"""Level of the intervals of what text adds."""
SMALLEST = 1e-6
"""Smaller probabilities count as this one before their logarithm is taken: one page must not decide a weight."""
PENALTY = 1.0
"""Strength of the L2 penalty towards the image alone, in pages: it steadies fits to few pages."""
NUM_FOLDS = 5
"""Folds in which the fusion is judged."""
FEWEST_PAGES = 20
"""Fewer validation pages with words cannot fit the weights."""


@dataclass(frozen=True)
class Fusion:
    """A logarithmic opinion pool: log p = a · log p_image + w · log p_text + constant, where w depends on the reading.

    Genest and Zidek, "Combining probability distributions: a critique and an annotated bibliography", 1986, describe
    the pool. Its weights are those of a conditional logit (McFadden, 1974): all classes share them, so that they can be
    fitted to few pages, and the fit is convex. The words never count negatively. A page without words has the image's
    probabilities to the last bit; those of other pages are brought to the image model's own temperature, so that one
    temperature calibrates both.

    Attributes:
        image_weight: a.
        text_weights: w for average reading, and what each of ``QUALITIES`` adds a standard deviation, float64 (4,).
        means: Mean of each of ``QUALITIES`` on the pages of the fit, float64 (3,).
        scales: Their standard deviations; 0 where one does not vary, which then adds nothing.
        temperature: The temperature of the image model on the pages of the fit.
    """

    image_weight: float
    text_weights: np.ndarray
    means: np.ndarray
    scales: np.ndarray
    temperature: float

    def __call__(self, image: np.ndarray, text: np.ndarray, qualities: np.ndarray) -> np.ndarray:
        """Fuse the probabilities of N pages, float32 (N, K) each, read with these ``qualities`` (N, 3).

        The rows of pages without words (``log_words`` 0) are those of ``image`` themselves.
        """
        # Not a matrix product, whose last digits depend on how many pages come at once.
        told = (self.standardised(qualities) * self.text_weights[1:]).sum(axis=1)
        weights = np.maximum(self.text_weights[0] + told, 0.0)
        logits = self.image_weight * _logs(image) + weights[:, None] * _logs(text)
        logits = self.temperature * (logits - logits.max(axis=1, keepdims=True))
        powers = np.exp(logits)
        fused = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
        return np.asarray(np.where(qualities[:, :1] > 0, fused, image), dtype=np.float32)

    def standardised(self, qualities: np.ndarray) -> np.ndarray:
        """Return qualities (N, 3) as standard deviations from the mean; 0 where one did not vary in the fit."""
        beside = np.divide(qualities - self.means, self.scales, out=np.zeros(qualities.shape), where=self.scales > 0)
        return np.asarray(beside)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "image_weight": self.image_weight,
            "text_weights": dict(zip(("average", *QUALITIES), self.text_weights.tolist(), strict=True)),
            "means": dict(zip(QUALITIES, self.means.tolist(), strict=True)),
            "scales": dict(zip(QUALITIES, self.scales.tolist(), strict=True)),
            "temperature": self.temperature,
        }

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Fusion:
        """Read what ``to_dict`` returned.

        Raises:
            ValueError: A value is missing, or is no finite number.
        """
        try:
            numbers = [values["image_weight"], values["temperature"]]
            tables = [values["text_weights"][name] for name in ("average", *QUALITIES)]
            tables += [values[key][name] for key in ("means", "scales") for name in QUALITIES]
            flat = np.array([*numbers, *tables], dtype=np.float64)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"a weight of the fusion is missing or no number ({error})") from None
        if not np.isfinite(flat).all() or not 0.01 <= flat[1] <= 100:
            raise ValueError("a weight of the fusion is no finite number, or its temperature is not from 0.01 to 100")
        return Fusion(float(flat[0]), flat[2:6], flat[6:9], np.maximum(flat[9:12], 0.0), float(flat[1]))


@dataclass(frozen=True)
class BothSides:
    """What image and words say about N labelled pages, R times each: as they are, then damaged differently each time.

    Attributes:
        labels: True classes, int (N,).
        groups: Number of the group of each page, int (N,).
        image: Probabilities of the image model, float32 (R, N, K).
        text: Those of the text model, float32 (R, N, K); rows of pages without words say nothing.
        qualities: How each page was read, float64 (R, N, 3), see ``QUALITIES``.
    """

    labels: np.ndarray
    groups: np.ndarray
    image: np.ndarray
    text: np.ndarray
    qualities: np.ndarray

    @property
    def has_words(self) -> np.ndarray:
        """Whether words were read, bool (R, N)."""
        return np.asarray(self.qualities[..., 0] > 0)

    def fitted(self, pages: np.ndarray) -> Fusion:
        """Fit the fusion to those pages (bool (N,)) that have words."""
        rows = self.has_words & pages
        labels = np.broadcast_to(self.labels, rows.shape)[rows]
        of_all = np.broadcast_to(self.labels, rows.shape)[:, pages].ravel()
        # The image is calibrated on what calibrates a run: the damaged pages where there are any.
        drawn = slice(1, None) if len(self.image) > 1 else slice(None)
        calibrating = self.image[drawn][:, pages].reshape(-1, self.image.shape[2])
        temperature = fit_temperature(of_all[-len(calibrating) :], calibrating)
        return fit_fusion(labels, self.image[rows], self.text[rows], self.qualities[rows], temperature)

    def fused(self, fusion: Fusion, pages: np.ndarray) -> np.ndarray:
        """Return the fused probabilities of some pages (bool (N,)), float32 (R, M, K)."""
        rows = [
            fusion(i[pages], t[pages], q[pages]) for i, t, q in zip(self.image, self.text, self.qualities, strict=True)
        ]
        return np.stack(rows)


def fit_fusion(
    labels: np.ndarray, image: np.ndarray, text: np.ndarray, qualities: np.ndarray, temperature: float
) -> Fusion:
    """Fit the weights by penalised log loss on N rows with words; the minimum is unique.

    Args:
        labels: True classes, int (N,).
        image: Probabilities of the image model, float (N, K).
        text: Those of the text model, float (N, K).
        qualities: How the pages were read, float (N, 3).
        temperature: That of the image model.
    """
    means = qualities.mean(axis=0) if len(qualities) else np.zeros(len(QUALITIES))
    scales = qualities.std(axis=0) if len(qualities) else np.zeros(len(QUALITIES))
    scales = np.where(scales > 1e-3, scales, 0.0)  # else a difference in the last digits would be a standard deviation
    start = Fusion(1.0, np.zeros(1 + len(QUALITIES)), means, scales, temperature)
    said = np.hstack([np.ones((len(labels), 1)), start.standardised(qualities)])  # (N, 4)
    image_logs, text_logs = _logs(image), _logs(text)  # (N, K)
    prior = np.array([1 / temperature, *np.zeros(said.shape[1])])
    rows = np.arange(len(labels))

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        counted = said @ weights[1:]  # (N,)
        logits = weights[0] * image_logs + counted[:, None] * text_logs
        logits -= logits.max(axis=1, keepdims=True)
        total = np.exp(logits).sum(axis=1)
        beside = weights - prior
        errors = np.exp(logits) / total[:, None]
        errors[rows, labels] -= 1  # (N, K): the gradient of each row's loss by its logits
        gradient = np.array([(errors * image_logs).sum(), *(said.T @ (errors * text_logs).sum(axis=1))])
        value = (np.log(total) - logits[rows, labels]).sum() + PENALTY / 2 * (beside @ beside)
        return float(value), gradient + PENALTY * beside

    found = minimize(loss, prior, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return Fusion(float(found[0]), found[1:], means, scales, temperature)


@dataclass(frozen=True)
class FusionJudgement:
    """Whether words help a run, measured on pages that did not fit the fusion.

    Attributes:
        fusion: The fusion of all pages, which predicts if it is used.
        fused: Cross-fitted fused probabilities, float32 (R, N, K).
        differences: The macro-F1 of the fusion minus that of the image with its 90% interval: ``val``, and ``shifted``
            where there are damaged pages.
    """

    fusion: Fusion
    fused: np.ndarray
    differences: dict[str, Difference]

    @property
    def decided_on(self) -> str:
        """The pages that decide: damaged ones where there are any, as they are most like pages to come."""
        return "shifted" if "shifted" in self.differences else "val"

    @property
    def helps(self) -> bool:
        """Whether the whole interval of what text adds is above 0."""
        return self.differences[self.decided_on].low > 0


def judge_fusion(sides: BothSides, seed: int) -> FusionJudgement | None:
    """Fit and judge the fusion of a run; None where too few pages have words.

    Each page is fused by the weights that the other groups of pages give, so that no page judges a fit that saw it
    (Stone, "Cross-validatory choice and assessment of statistical predictions", 1974).
    """
    with_words = sides.has_words.any(axis=0)
    if with_words.sum() < FEWEST_PAGES or len(np.unique(sides.groups[with_words])) < NUM_FOLDS:
        return None
    folds = deal_groups_by_class(sides.labels, sides.groups, NUM_FOLDS, seed, "text/folds")
    fused = np.empty_like(sides.image, dtype=np.float32)
    for fold in np.unique(folds):
        inside = folds == fold
        fused[:, inside] = sides.fused(sides.fitted(~inside), inside)
    num_classes = sides.image.shape[2]

    def difference(first: int, last: int) -> Difference:
        count = last - first
        return paired_bootstrap(
            np.tile(sides.labels, count),
            fused[first:last].argmax(axis=2).ravel(),
            sides.image[first:last].argmax(axis=2).ravel(),
            num_classes,
            level=LEVEL,
            groups=np.tile(sides.groups, count),
        )

    differences = {"val": difference(0, 1)}
    if len(fused) > 1:
        differences["shifted"] = difference(1, len(fused))
    return FusionJudgement(sides.fitted(np.ones(len(folds), dtype=bool)), fused, differences)


def _logs(probabilities: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(np.clip(probabilities.astype(np.float64), SMALLEST, None)))
