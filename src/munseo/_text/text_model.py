"""The text model: class probabilities from the words of a page, by a multinomial logistic regression on n-grams.

It trains in seconds and predicts in milliseconds. Its files are JSON and safetensors, so that a run folder from
elsewhere can do no harm: nothing is unpickled, and every size is checked before anything is built from it.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from safetensors.numpy import load_file, save_file
from scipy.special import softmax

from munseo._errors import UserError
from munseo._run.atomic import replacing, write_json
from munseo._text.reading_errors import misread
from munseo._text.text_features import KINDS, MAX_NGRAM_LENGTH, MAX_NGRAMS, TextFeatures

FORMAT = 1
VOCABULARY, WEIGHTS = "vocabulary.json", "weights.safetensors"
"""The files of a text model."""
NUM_COPIES = 2
"""Misread copies of each text that the model is trained on beside the text itself."""
PENALTY = 10.0
"""C of the regression (inverse strength of its L2 penalty): on rvl5 10 to 100 give the same score within 0.005."""
UNSEEN = -8.0
"""Logit of a class without a page with words, beside the others, which are about 0."""
MAX_BYTES = 2**28
"""Larger files are refused."""


@dataclass(frozen=True)
class TextModel:
    """A trained text model.

        >>> model = TextModel.fit(["sehr geehrte", "dear sir", …], [0, 1, …], ("german", "english"))
        >>> model.probabilities(["dear madam"])  # (1, 2)

    Attributes:
        class_names: The classes, in the order of the probabilities.
        features: The n-grams.
        coefficients: float32 (K, F): what each n-gram adds to the logit of each class.
        intercepts: float32 (K,).
    """

    class_names: tuple[str, ...]
    features: TextFeatures
    coefficients: np.ndarray
    intercepts: np.ndarray

    @staticmethod
    def fit(
        texts: Sequence[str], labels: Sequence[int], class_names: Sequence[str], min_pages: int = 5, seed: int = 0
    ) -> TextModel:
        """Train a model; the same texts and seed give the same bits.

        Args:
            texts: The words of the training pages; those without words are left out.
            labels: Their classes, as indices of ``class_names``.
            class_names: All classes.
            min_pages: On how many pages an n-gram has to stand to be known.
            seed: Seed of the reading errors in the copies.

        Raises:
            UserError: Fewer than two classes have pages with words, or no n-gram is frequent enough.
        """
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        kept = [number for number, text in enumerate(texts) if text.strip()]
        known = [texts[number] for number in kept]
        targets = np.array([labels[number] for number in kept], dtype=np.int64)
        if len(np.unique(targets)) < 2:
            raise UserError(
                f"text: {len(kept)} of {len(texts)} training pages have words, and they are not of two classes; "
                "give more pages words, or set text: none."
            )
        features = TextFeatures.fit(known, min_pages)
        copies = [misread(text, seed, number, copy) for copy in range(NUM_COPIES) for number, text in enumerate(known)]
        rows = features([*known, *copies])
        regression = LogisticRegression(C=PENALTY, max_iter=500)
        # One thread, so that the last bits do not depend on the number of cores.
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="lbfgs failed to converge")  # good enough after 500 steps
            regression.fit(rows, np.tile(targets, NUM_COPIES + 1))
        coefficients, intercepts = regression.coef_, regression.intercept_
        if len(regression.classes_) == 2:  # scikit-learn returns only the logit of the second class
            coefficients, intercepts = np.vstack([-coefficients, coefficients]) / 2, np.array([-0.5, 0.5]) * intercepts
        spread = np.zeros((len(class_names), features.num_columns), dtype=np.float32)
        biases = np.full(len(class_names), UNSEEN, dtype=np.float32)
        spread[regression.classes_], biases[regression.classes_] = coefficients, intercepts
        return TextModel(tuple(class_names), features, spread, biases)

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Return the class probabilities of N texts, float32 (N, K); a row depends on its own text only."""
        logits = self.features(texts) @ self.coefficients.T + self.intercepts
        return np.asarray(softmax(np.asarray(logits, dtype=np.float64), axis=1), dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write the model into a folder, which is made; the vocabulary comes last and makes it whole."""
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / WEIGHTS) as temporary:
            tensors = {
                "coefficients": self.coefficients,
                "intercepts": self.intercepts,
                "rarities": self.features.rarities,
            }
            save_file({name: np.ascontiguousarray(values) for name, values in tensors.items()}, temporary)
        write_json(
            folder / VOCABULARY,
            {"format": FORMAT, "class_names": self.class_names, **{k: self.features.ngrams[k] for k in KINDS}},
        )

    @staticmethod
    def load(folder: Path) -> TextModel:
        """Read a model that ``save`` wrote.

        Raises:
            UserError: A file is missing, is too large, or is not what ``save`` writes.
        """
        values = _read_vocabulary(folder / VOCABULARY)
        ngrams = {kind: tuple(values[kind]) for kind in KINDS}
        tensors = _read_weights(folder / WEIGHTS, len(values["class_names"]), sum(map(len, ngrams.values())))
        return TextModel(
            tuple(values["class_names"]),
            TextFeatures(ngrams, tensors["rarities"]),
            tensors["coefficients"],
            tensors["intercepts"],
        )


def _read_vocabulary(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ValueError(f"larger than {MAX_BYTES:,} bytes")
        values = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        for key, most in (("class_names", 10_000), *((kind, MAX_NGRAMS) for kind in KINDS)):
            _check_names(key, values.get(key), most)
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(file, error) from None
    return values


def _check_names(key: str, names: Any, most: int) -> None:
    if not isinstance(names, list) or len(names) > most:
        raise ValueError(f"{key} is not a list of at most {most:,} texts")
    if not all(isinstance(name, str) and 0 < len(name) <= MAX_NGRAM_LENGTH for name in names):
        raise ValueError(f"{key} holds something that is no text of at most {MAX_NGRAM_LENGTH} characters")
    if len(set(names)) != len(names):
        raise ValueError(f"{key} names something twice")


def _read_weights(file: Path, num_classes: int, num_columns: int) -> dict[str, np.ndarray]:
    shapes = {
        "coefficients": (num_classes, num_columns),
        "intercepts": (num_classes,),
        "rarities": (num_columns,),
    }
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ValueError(f"larger than {MAX_BYTES:,} bytes")
        tensors = load_file(file)
        for name, shape in shapes.items():
            values = tensors.get(name)
            if values is None or values.shape != shape or values.dtype != np.float32 or not np.isfinite(values).all():
                raise ValueError(f"{name} should be finite numbers, float32 of shape {shape}")
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise _damaged(file, error) from None
    return tensors


def _damaged(file: Path, error: Exception) -> UserError:
    reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
    return UserError(f"{file}: not a text model that Munseo wrote ({reason}); restore it from a copy, or train again.")
