"""Reading one page: level, upright, then its words with their places on the page."""

from __future__ import annotations

import numpy as np

from munseo._words.level_page import LevelPage, make_level
from munseo._words.page_pose import Pose, certainty, rank_poses
from munseo._words.page_words import PageWords
from munseo._words.word_engine import RawReading, WordEngine

FEW_WORDS = 10
"""A page with fewer words is read again as one block: noise hides lines from an engine that looks for columns."""
SOME_LETTERS = 2.0
"""A second pose with fewer plausible letters is not worth reading."""
UNSURE = 0.5
"""Below this certainty the second pose is read as well, and the more plausible page is taken."""
MIN_LETTERS, MIN_LETTERS_A_WORD = 3.0, 0.1
"""With fewer plausible letters, on the page or for each of its words, a page has no words: an engine finds hundreds of
words in noise, with 0.01 plausible letters each. Badly damaged pages that it could still read had 0.2, clean ones 4."""


def read_page(grey: np.ndarray, engine: WordEngine) -> PageWords:
    """Read the words of a grey page (H, W) uint8 in any pose."""
    level = make_level(grey)
    ranking = rank_poses(level.pixels, engine)
    pose, sureness = ranking.poses[0], ranking.certainty
    reading = read_upright(pose.made_upright(level.pixels), engine)
    if sureness < UNSURE and ranking.letters[1] >= SOME_LETTERS:
        other = ranking.poses[1]
        other_reading = read_upright(other.made_upright(level.pixels), engine)
        if other_reading.plausible_letters > reading.plausible_letters:
            pose, other_reading, reading = other, reading, other_reading
        sureness = certainty(reading.plausible_letters, other_reading.plausible_letters)
    return placed(reading, level, pose, sureness)


def read_upright(upright: np.ndarray, engine: WordEngine) -> RawReading:
    """Read a level, upright page (H, W) uint8."""
    reading = engine.read(upright, "page")
    if len(reading.words) < FEW_WORDS:
        again = engine.read(upright, "block")
        if again.plausible_letters > reading.plausible_letters:
            return again
    return reading


def placed(reading: RawReading, level: LevelPage, pose: Pose, sureness: float) -> PageWords:
    """Return a reading of a level page, made upright from a pose, as words on the upright page."""
    kept = np.array([any(map(str.isalnum, word)) for word in reading.words], bool)
    if reading.plausible_letters < max(MIN_LETTERS, MIN_LETTERS_A_WORD * len(reading.words)):
        kept[:] = False
    words = tuple(word for word, keep in zip(reading.words, kept, strict=True) if keep)
    boxes = _on_page(reading.boxes[kept], level, pose)
    confidences = reading.confidences[kept]
    return PageWords(words, boxes, confidences, "ocr", pose.quarter_turns, pose.mirrored, round(sureness, 4))


def _on_page(boxes: np.ndarray, level: LevelPage, pose: Pose) -> np.ndarray:
    """Return boxes (N, 4), px of the upright level page, as fractions of the upright page that was not made level.

    The middle of a box moves with the page; its sides stay parallel to those of the page.
    """
    height, width = level.pixels.shape
    if pose.quarter_turns % 2:
        height, width = width, height
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2 / level.scale
    # From the upright level page to the level page, relative to their middles.
    middle = middle - (width / 2, height / 2)
    if pose.mirrored:
        middle[:, 0] *= -1
    for _ in range(pose.quarter_turns):
        middle = np.stack([middle[:, 1], -middle[:, 0]], axis=1)
    middle += level.pixels.shape[1] / 2, level.pixels.shape[0] / 2
    # To the page as given, again relative to its middle, and back upright.
    linear, offset = level.matrix[:, :2], level.matrix[:, 2]
    given_h, given_w = level.given
    middle = (middle - offset) @ np.linalg.inv(linear).T - (given_w / 2, given_h / 2)
    for _ in range(pose.quarter_turns):
        middle = np.stack([-middle[:, 1], middle[:, 0]], axis=1)
    if pose.mirrored:
        middle[:, 0] *= -1
    size = np.array([given_h, given_w] if pose.quarter_turns % 2 else [given_w, given_h])
    corners = np.concatenate([middle - half, middle + half], axis=1) + np.tile(size / 2, 2)
    return np.asarray(np.clip(corners / np.tile(size, 2), 0, 1), np.float32)
