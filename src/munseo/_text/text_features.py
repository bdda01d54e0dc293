"""The n-grams of a text as numbers: characters within words, and words, weighted by TF-IDF (Salton and Buckley, 1988).

Character n-grams survive what OCR does to words: of a word with one wrong character most n-grams are still right, and
they need no word boundaries of a language, so that Korean with its endings is read as well as English.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from munseo._errors import UserError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import CountVectorizer

KINDS = ("characters", "words")
"""The kinds of n-gram, in the order of their columns."""
_TOKEN = re.compile(r"(?u)\b\w\w+\b")
"""What scikit-learn counts as a word."""
_ANALYZERS: dict[str, dict[str, Any]] = {
    "characters": {"analyzer": "char_wb", "ngram_range": (2, 5)},
    "words": {"analyzer": "word", "ngram_range": (1, 2), "token_pattern": _TOKEN.pattern},
}
MAX_NGRAMS = 100_000
"""Most n-grams of a kind that are kept, the most frequent ones."""
MAX_NGRAM_LENGTH = 400
"""A longer n-gram is left out: no word is as long, and a file that has one is not what Munseo wrote."""
MAX_CHARACTERS = 50_000
"""Only so much of a text is read; a densely printed page has about 8,000 characters."""
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class TextFeatures:
    """The n-grams that a text model knows, and the weight of each.

    Attributes:
        ngrams: The known n-grams of each kind in ``KINDS``, in the order of their columns; each kind sorted.
        rarities: The inverse document frequency of each column, float32 (F,).
    """

    ngrams: dict[str, tuple[str, ...]]
    rarities: np.ndarray

    @staticmethod
    def fit(texts: Sequence[str], min_pages: int) -> TextFeatures:
        """Learn the n-grams that occur in at least ``min_pages`` of the texts.

        This bound also protects the people on the pages: a name that stands on fewer pages is nowhere in the model.

        Raises:
            UserError: The texts have none.
        """
        from sklearn.feature_extraction.text import CountVectorizer  # importing it takes half a second

        plain = [plain_text(text) for text in texts]
        ngrams, rarities = {}, []
        for kind in KINDS:
            counter = CountVectorizer(**_ANALYZERS[kind], binary=True, lowercase=False, dtype=np.int32)
            try:
                pages = np.asarray(counter.fit_transform(plain).sum(axis=0)).ravel()
            except ValueError:  # scikit-learn's "empty vocabulary"
                pages = np.zeros(0, dtype=np.int64)
            names = counter.get_feature_names_out() if len(pages) else np.zeros(0, dtype=object)
            short = np.array([len(name) <= MAX_NGRAM_LENGTH for name in names], dtype=bool)
            known = np.flatnonzero((pages >= min_pages) & short)
            # The most frequent ones; a stable sort keeps the alphabet's order among equals.
            known = np.sort(known[np.argsort(-pages[known], kind="stable")[:MAX_NGRAMS]])
            ngrams[kind] = tuple(str(names[column]) for column in known)
            rarities.append(np.log((1 + len(texts)) / (1 + pages[known])) + 1)
        features = TextFeatures(ngrams, np.concatenate(rarities).astype(np.float32))
        if not features.num_columns:
            raise UserError(
                f"text: no n-gram stands on {min_pages} of the {len(texts)} training pages with words; "
                "lower text_min_pages, or set text: none."
            )
        return features

    @property
    def num_columns(self) -> int:
        """The number of n-grams of all kinds."""
        return sum(map(len, self.ngrams.values()))

    @cached_property
    def names(self) -> list[tuple[str, str]]:
        """The kind and the n-gram of each column."""
        return [(kind, ngram) for kind in KINDS for ngram in self.ngrams[kind]]

    def __call__(self, texts: Sequence[str]) -> csr_matrix:
        """Return the weights of the n-grams of N texts, float32 (N, F); the rows of each kind have length 1.

        A row depends on its own text only, to the last bit.
        """
        from scipy.sparse import diags, hstack

        plain = [plain_text(text) for text in texts]
        blocks, start = [], 0
        for counter in self._counters:
            if counter is None:
                continue
            counts = counter.transform(plain)
            counts.data = np.log(counts.data) + np.float32(1)  # the tenth occurrence says little more than the third
            end = start + counts.shape[1]
            weighted = counts @ diags(self.rarities[start:end], dtype=np.float32)
            blocks.append(_of_length_one(weighted))
            start = end
        return hstack(blocks, format="csr", dtype=np.float32)

    @cached_property
    def _counters(self) -> list[CountVectorizer | None]:
        from sklearn.feature_extraction.text import CountVectorizer

        return [
            CountVectorizer(
                **_ANALYZERS[kind],
                lowercase=False,
                vocabulary={ngram: column for column, ngram in enumerate(self.ngrams[kind])},
                dtype=np.float32,
            )
            if self.ngrams[kind]
            else None
            for kind in KINDS
        ]

    def of_text(self, kind: str, text: str) -> list[str]:
        """Return the n-grams of one kind that a text has, repeated as often as they occur."""
        return [str(ngram) for ngram in self._analyzers[kind](plain_text(text))]

    @cached_property
    def _analyzers(self) -> dict[str, Callable[[str], list[str]]]:
        from sklearn.feature_extraction.text import CountVectorizer

        return {kind: CountVectorizer(**_ANALYZERS[kind], lowercase=False).build_analyzer() for kind in KINDS}

    def tokens(self, text: str) -> list[str]:
        """Return the single words of a text, as the n-grams of words see them."""
        return _TOKEN.findall(plain_text(text))


def plain_text(text: str) -> str:
    """Return a text as n-grams are counted: composed, in lower case, each digit a zero, of bounded length.

    A date or a number says what kind of page it is by its form; its value says only whose page it is.
    """
    composed = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS])[:MAX_CHARACTERS]
    return _DIGIT.sub("0", composed.lower())


def _of_length_one(rows: csr_matrix) -> csr_matrix:
    """Return rows of Euclidean length 1; a row of zeros stays."""
    from scipy.sparse import csr_matrix

    rows = csr_matrix(rows)
    squares = np.zeros(rows.shape[0], dtype=np.float64)
    filled = np.diff(rows.indptr) > 0
    squares[filled] = np.add.reduceat(rows.data.astype(np.float64) ** 2, rows.indptr[:-1][filled])
    lengths = np.sqrt(np.where(squares > 0, squares, 1.0)).astype(np.float32)
    rows.data = rows.data / np.repeat(lengths, np.diff(rows.indptr))
    return rows
