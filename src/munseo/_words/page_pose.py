"""Which way up a level page lies, and whether it is mirrored: the pose in which its text is most plausible.

Layout alone cannot tell a mirrored page from an upright one. So windows with many text lines are read in the four poses
in which these are horizontal. Print that is upside down or mirrored is read into as many words, but hardly any of them
are long words of the language.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from munseo._words.text_windows import find_windows
from munseo._words.word_engine import WordEngine

NUM_WINDOWS = 3
"""Windows that are read in each direction, one after the other until the pose is clear."""
ENOUGH_LETTERS = 25.0
"""A pose with this many plausible letters,"""
CLEARLY_MORE = 4.0
"""and this many times those of any other pose, needs no further window."""
SURE_LETTERS, SURE_SHARE = 25.0, 0.5
"""A window with this many plausible letters, and this share of plausible ones among all, needs no other pose: in other
poses the share was 0.1."""
OTHER_SHARE = 0.1
"""The share that is expected of poses that were not read."""
CHANCE_LETTERS = 8.0
"""Once a pose has more plausible letters than noise has by chance, those with far fewer are read no more."""
HOPELESS_WORDS, HOPELESS_LETTERS = 80, 4.0
"""After the first number of words with fewer plausible letters than the second in every pose, a page is read no more:
its print is too damaged, or it is none."""
LARGE_PRINT_PX = 640
"""Length of the longer side at which a whole page is read where the windows have no words: print that is larger than
they are, as of a sign or a title page, is legible in this size. On 12 damaged scans this took 2 % of the time."""
CLEARLY_LEVEL = 3.0
"""Where lines are this many times clearer in one direction, the other direction is not read."""


@dataclass(frozen=True)
class Pose:
    """A pose of a page, as in ``PageWords``: mirrored first, then turned counter-clockwise."""

    quarter_turns: int
    mirrored: bool

    def made_upright(self, pixels: np.ndarray) -> np.ndarray:
        """Return the page (H, W) upright, contiguous."""
        turned = np.rot90(pixels, -self.quarter_turns)
        return np.ascontiguousarray(turned[:, ::-1] if self.mirrored else turned)


POSES = tuple(Pose(turns, mirrored) for turns in (0, 2, 1, 3) for mirrored in (False, True))
"""All eight, in the order in which they are tried within a direction."""


@dataclass(frozen=True)
class RankedPoses:
    """The poses of a page with their plausible letters, the most plausible first."""

    poses: tuple[Pose, ...]  # (8,)
    letters: tuple[float, ...]  # (8,)

    @property
    def certainty(self) -> float:
        """0 to 1: how many more letters the first pose has than the second, relative to both."""
        return certainty(*self.letters[:2])


def certainty(letters: float, other_letters: float) -> float:
    """Return how certain a pose is by its plausible letters and those of the next: 0 to 1."""
    return max(0.0, letters - other_letters) / (letters + other_letters + CHANCE_LETTERS)


def rank_poses(level: np.ndarray, engine: WordEngine) -> RankedPoses:
    """Rank the poses of a level page (H, W) uint8; a page without words is taken for upright, with certainty 0."""
    level_windows, level_clarity = find_windows(level, NUM_WINDOWS)
    side_windows, side_clarity = find_windows(np.rot90(level), NUM_WINDOWS)
    directions = [(0, level_windows), (1, side_windows)]
    if side_clarity > level_clarity:
        directions.reverse()
    if max(level_clarity, side_clarity) >= CLEARLY_LEVEL * min(level_clarity, side_clarity):
        del directions[1]
    trials = _Trials(engine)
    for number in range(NUM_WINDOWS):
        for turned, windows in directions:
            if number < len(windows) and trials.read(windows[number], turned):
                return trials.ranking()
        if trials.is_clear() or trials.is_hopeless():
            return trials.ranking()
    if trials.ranking().letters[0] < CHANCE_LETTERS:
        factor = min(1.0, LARGE_PRINT_PX / max(level.shape))
        whole = cv2.resize(level, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        for turned, _ in directions:
            if trials.read(np.rot90(whole, turned), turned):
                break
    return trials.ranking()


class _Trials:
    """The plausible letters of each pose so far."""

    def __init__(self, engine: WordEngine) -> None:
        self.engine = engine
        self.letters = dict.fromkeys(POSES, 0.0)
        self.num_words = 0

    def read(self, window: np.ndarray, turned: int) -> bool:
        """Read a window (h, w) in the poses in which its lines are level.

        Args:
            window: Part of the level page after ``turned`` quarter turns counter-clockwise.
            turned: 0 or 1.

        Returns:
            Whether one of them is so plausible that no other needs to be read.
        """
        best = max(self.letters.values())
        for pose in sorted(POSES, key=lambda pose: -self.letters[pose]):
            is_hopeless = best >= CHANCE_LETTERS and self.letters[pose] * CLEARLY_MORE < best
            if (pose.quarter_turns + turned) % 2 or is_hopeless:
                continue
            reading = self.engine.read(Pose(pose.quarter_turns + turned, pose.mirrored).made_upright(window), "block")
            plausible = reading.plausible_letters
            self.num_words += len(reading.words)
            self.letters[pose] += plausible
            if plausible >= SURE_LETTERS and plausible >= SURE_SHARE * reading.num_letters:
                for other in POSES:
                    if other != pose:
                        self.letters[other] = max(self.letters[other], OTHER_SHARE * plausible)
                return self.is_clear()
        return False

    def is_clear(self) -> bool:
        """Return whether one pose has enough letters, and clearly more than any other."""
        ranking = self.ranking()
        return ranking.letters[0] >= max(ENOUGH_LETTERS, CLEARLY_MORE * ranking.letters[1])

    def is_hopeless(self) -> bool:
        """Return whether many words were read and none is plausible."""
        return self.num_words >= HOPELESS_WORDS and max(self.letters.values()) < HOPELESS_LETTERS

    def ranking(self) -> RankedPoses:
        """Return the poses in their order; equal ones stay in the order of ``POSES``."""
        poses = tuple(sorted(POSES, key=lambda pose: -self.letters[pose]))
        return RankedPoses(poses, tuple(self.letters[pose] for pose in poses))
