"""What single words say: how much each word of a page speaks for a class, and the words that speak for each class.

A linear model can be taken apart without a rest: its logits are sums over n-grams, and every n-gram belongs to the
words that it stands in. What a word says is the sum over its n-grams of weight times coefficient, beside the mean of
all classes; a pair of words is shared by both.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from munseo._text.text_features import plain_text
from munseo._text.text_model import TextModel

WORDS_A_CLASS = 12
"""Words that are listed for each class."""
PAGES_A_CLASS = 60
"""Pages of each class that are examined for that: 20 ms a page, and more pages hardly change the list."""
_EDGES = " \t.,:;!?()[]{}<>\"'`´*|/\\_-–—·•~=+#"
"""Characters that are left out around a listed word."""


@dataclass(frozen=True)
class ClassWord:
    """A word that speaks for a class.

    Attributes:
        word: In lower case, each digit a zero, without punctuation around it.
        evidence: What it adds to the logit of the class on a page of the class, on average.
        num_pages: On how many pages it stands, of any class.
    """

    word: str
    evidence: float
    num_pages: int


def evidence_of_words(model: TextModel, words: Sequence[str], label: int) -> np.ndarray:
    """Return what each of the N words of a page adds to the logit of one class, float64 (N,).

    The sum over all words is the logit without its intercept, beside the mean of the logits of all classes.
    """
    occurrences = list(_occurrences(model, words))
    row = model.features([" ".join(words)])
    coefficients = model.coefficients[:, row.indices].astype(np.float64)  # (K, n-grams of the page)
    values = row.data * (coefficients[label] - coefficients.mean(axis=0))
    names = model.features.names
    counts = Counter(ngram for _, ngram in occurrences)
    effects = {
        names[column]: value / counts[names[column]]
        for column, value in zip(row.indices.tolist(), values.tolist(), strict=True)
        if counts[names[column]]
    }
    told = np.zeros(len(words))
    for number, ngram in occurrences:
        told[number] += effects.get(ngram, 0.0)
    return told


def _occurrences(model: TextModel, words: Sequence[str]) -> Iterator[tuple[int, tuple[str, str]]]:
    """Yield every n-gram on a page with the number of its word; a pair of words comes twice, once for each."""
    last: tuple[int, str] | None = None
    for number, word in enumerate(words):
        for ngram in model.features.of_text("characters", word):
            yield number, ("characters", ngram)
        for token in model.features.tokens(word):
            yield number, ("words", token)
            if last is not None:
                pair = f"{last[1]} {token}"
                yield last[0], ("words", pair)
                yield number, ("words", pair)
            last = number, token


def class_words(
    model: TextModel, pages: Sequence[Sequence[str]], labels: Sequence[int], min_pages: int
) -> list[tuple[ClassWord, ...]]:
    """Return for each class the words that speak for it most, among those on at least ``min_pages`` of the pages.

    Args:
        model: The model.
        pages: The words of training pages.
        labels: The classes of these pages.
        min_pages: Words on fewer pages are left out, so that nobody's name is listed.
    """
    totals: list[defaultdict[str, float]] = [defaultdict(float) for _ in model.class_names]
    stands_on: Counter[str] = Counter()
    examined: Counter[int] = Counter()
    for words, label in zip(pages, labels, strict=True):
        named = [plain_text(word).strip(_EDGES) for word in words]
        stands_on.update(set(named))
        if not words or examined[label] == PAGES_A_CLASS:
            continue
        examined[label] += 1
        for name, value in zip(named, evidence_of_words(model, words, label).tolist(), strict=True):
            totals[label][name] += value
    result = []
    for label, total in enumerate(totals):
        known = [
            ClassWord(name, value / examined[label], stands_on[name])
            for name, value in total.items()
            if value > 0 and stands_on[name] >= min_pages and len(name) > 1 and any(map(str.isalpha, name))
        ]
        result.append(tuple(sorted(known, key=lambda word: (-word.evidence, word.word))[:WORDS_A_CLASS]))
    return result
