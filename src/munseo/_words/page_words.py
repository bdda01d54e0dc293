"""The words of one page, where they stand, and how surely they were read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

WordSource = Literal["column", "sidecar", "pdf", "ocr", "none"]
"""Where words came from: a column of the table, a file beside the page, the text layer of a PDF, an OCR engine."""


@dataclass(frozen=True, slots=True, eq=False)
class PageWords:
    """The N words of a page in reading order; a page on which nothing was found has none.

    The page as it was given shows the upright page mirrored left to right if ``mirrored``, and then turned
    counter-clockwise by ``quarter_turns`` · 90°.
    """

    words: tuple[str, ...]  # each without white space
    # (N, 4) float32: x0, y0, x1, y1 as fractions of the width and height of the upright page; None where the source
    # has no positions.
    boxes: np.ndarray | None
    confidences: np.ndarray | None  # (N,) float32, 0 to 1; None where the source has none
    source: WordSource
    quarter_turns: int = 0  # 0 to 3
    mirrored: bool = False
    # 0 to 1: how much more plausible this pose is than the next one; 1 where no pose had to be found.
    pose_certainty: float = 1.0

    @property
    def text(self) -> str:
        """The words with single spaces between them."""
        return " ".join(self.words)

    def boxes_as_given(self) -> np.ndarray | None:
        """Return the boxes as fractions of the page as it was given: (N, 4) float32, or None without positions."""
        if self.boxes is None:
            return None
        boxes = self.boxes
        if self.mirrored:
            boxes = np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], axis=1)
        return turned_boxes(boxes, self.quarter_turns)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PageWords):
            return NotImplemented
        return (
            (self.words, self.source, self.quarter_turns, self.mirrored, self.pose_certainty)
            == (other.words, other.source, other.quarter_turns, other.mirrored, other.pose_certainty)
            and _are_equal(self.boxes, other.boxes)
            and _are_equal(self.confidences, other.confidences)
        )

    def __hash__(self) -> int:
        return hash((self.words, self.source))


NO_WORDS = PageWords((), None, None, "none")
"""The words of a page for which there is no source."""


def turned_boxes(boxes: np.ndarray, quarter_turns: int) -> np.ndarray:
    """Return boxes (N, 4), fractions of a page, on the page turned counter-clockwise by ``quarter_turns`` · 90°."""
    x0, y0, x1, y1 = boxes.T
    for _ in range(quarter_turns % 4):
        x0, y0, x1, y1 = y0, 1 - x1, y1, 1 - x0
    return np.stack([x0, y0, x1, y1], axis=1)


def _are_equal(first: np.ndarray | None, second: np.ndarray | None) -> bool:
    if first is None or second is None:
        return first is second
    return np.array_equal(first, second)
