"""Pages that show the same picture: turned by quarters, mirrored, saved again, laid a little askew.

Three steps. The coarsest waves of a page (the perceptual hash of Zauner 2010, kept as numbers instead of signs) are
compared for all pages under all eight turns and mirrorings; that is one product of matrices. Letters and forms are
alike in their coarsest waves, so each page's nearest others are then laid on it (ECC, Evangelidis and Psarakis 2008)
as thumbnails. Two short letters with the same letterhead still correlate there, so the few pairs that are left are read
again and laid on each other at a size at which words differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from munseo._console import track

SIDE = 96
"""Of a thumbnail, in px: a line of print is still a line in it. 9 kB a page stay in memory."""
LEAST_LIKENESS = 0.85
"""Correlation of two thumbnails laid on each other from which on the pages themselves are compared."""
FINE_SIDE = 256
"""Of the squares that are compared at last, in px."""
LEAST_FINE_LIKENESS = 0.93
"""Correlation of these from which on two pages are the same picture; docs/doctor.md shows how it was chosen."""

_WAVES = 10
_NEAREST = 4
"""Others that a page is laid on. A page with more copies is still tied to each of them through the copies' own four."""
_LEAST_ALIKE = 0.6
"""Product of two pages' waves below which they are not laid on each other."""
_LEAST_COARSE = 0.7
"""Correlation of coarsely laid pages below which they are not laid finely."""
_LEAST_CONTRAST = 4.0
"""Standard deviation in grey levels; below it a page is blank, and blank pages are not compared."""
_HELD = 2 * 10**8
"""Products of two pages' waves in memory at a time: 0.8 GB."""
_SIDES = (32, 48, SIDE)
"""Laid at these sizes, coarse first, or print would catch on the next line."""
_PAPER_PX = 12
"""What is broader than this (paper, light, black corners of a turned page) is taken off before laying: with it, one
pair in four was not laid right."""
_STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
_BACK = (0, 1, 2, 3, 4, 6, 5, 7)
"""The turn that undoes each turn: mirrorings and half turns undo themselves, quarter turns each other."""
_EDGE = 3
"""Pixels at the rim that are left out: a turned page has invented corners there."""


@dataclass(frozen=True, slots=True)
class SamePicture:
    """Two pages that show the same picture.

    Attributes:
        first: Place of one page in the list.
        second: Place of the other, larger.
        likeness: Correlation where they lie on each other, at most 1.
        turn: Which of the eight turns and mirrorings lays the second on the first.
    """

    first: int
    second: int
    likeness: float
    turn: int = 0


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """A page (H, W, 3) uint8 as (SIDE, SIDE) uint8 grey, stretched to a square, so that a quarter turn fits on it."""
    # Area averages of the whole page: thin print becomes grey instead of vanishing between the samples.
    return cv2.cvtColor(cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)


def fine_square(pixels: np.ndarray) -> np.ndarray:
    """A page (H, W, 3) uint8 as (FINE_SIDE, FINE_SIDE) uint8 grey."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (FINE_SIDE, FINE_SIDE), interpolation=cv2.INTER_AREA)


def fine_likeness(square: np.ndarray, other: np.ndarray, turn: int) -> float:
    """Correlation of two of ``fine_square``, the second turned and laid on the first. Costs about 0.1 s."""
    return _likeness(square, _turned(other, turn), (*_SIDES, FINE_SIDE))


def same_pictures(thumbnails: Sequence[np.ndarray], num_threads: int) -> list[SamePicture]:
    """Find all pairs of pages whose thumbnails show the same picture, the most alike first, with a progress bar.

    Costs some 14 ms a page on one core, and 0.1 ms a page for every 1,000 others.

    Args:
        thumbnails: N of ``thumbnail``.
        num_threads: Pairs that are laid on each other at once.
    """
    stack = np.stack(thumbnails) if thumbnails else np.empty((0, SIDE, SIDE), np.uint8)
    pairs = list(_candidates(stack))
    with ThreadPoolExecutor(num_threads) as pool:
        laid = pool.map(partial(_compare, stack), pairs, chunksize=32)
        found = list(track(laid, "Comparing pages", total=len(pairs)))
    return sorted((pair for pair in found if pair.likeness >= LEAST_LIKENESS), key=lambda pair: -pair.likeness)


def _candidates(stack: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Pairs that are worth a close look, with the turn that lays the second page on the first."""
    printed = np.flatnonzero(stack.std(axis=(1, 2)) >= _LEAST_CONTRAST)
    if len(printed) < 2:
        return
    waves = np.stack([_waves(stack[place]) for place in printed])
    flat = waves.reshape(len(waves), -1)
    turned = np.stack([_turned_waves(waves, turn).reshape(len(waves), -1) for turn in range(8)])
    seen: set[tuple[int, int]] = set()
    block = max(1, _HELD // (8 * len(flat)))
    for start in range(0, len(flat), block):
        # (8, block, N): every page of the block against every page under every turn.
        alike = np.einsum("bk,tnk->tbn", flat[start : start + block], turned, optimize=True)
        best = alike.max(axis=0)
        best[np.arange(len(best)), start + np.arange(len(best))] = -1
        nearest = np.argpartition(-best, min(_NEAREST, len(flat) - 1), axis=1)[:, :_NEAREST]
        for row, others in enumerate(nearest):
            for other in others[best[row, others] >= _LEAST_ALIKE]:
                pair = (min(start + row, other), max(start + row, other))
                if pair in seen:
                    continue
                seen.add(pair)
                turn = int(alike[:, row, other].argmax())
                # The turn lays ``other`` on ``row``.
                yield int(printed[start + row]), int(printed[other]), turn


def _waves(grey: np.ndarray) -> np.ndarray:
    """(_WAVES, _WAVES) float32 of length 1, without the mean; roots, so that no single wave outweighs the rest."""
    waves = cv2.dct(grey.astype(np.float32))[:_WAVES, :_WAVES].copy()
    waves[0, 0] = 0
    waves = np.sign(waves) * np.sqrt(np.abs(waves))
    return waves / np.linalg.norm(waves)


def _turned_waves(waves: np.ndarray, turn: int) -> np.ndarray:
    """The waves of the pages that ``_turned`` makes, without making them: mirroring changes signs of odd waves."""
    signs = (-1.0) ** np.arange(_WAVES, dtype=np.float32)
    if turn & 4:
        waves = waves.swapaxes(-1, -2)
    if turn & 2:
        waves = waves * signs[:, None]
    if turn & 1:
        waves = waves * signs
    return waves


def _turned(grey: np.ndarray, turn: int) -> np.ndarray:
    """One of the eight turns and mirrorings of a square."""
    if turn & 4:
        grey = grey.T
    if turn & 2:
        grey = grey[::-1]
    if turn & 1:
        grey = grey[:, ::-1]
    return np.ascontiguousarray(grey)


def _compare(stack: np.ndarray, pair: tuple[int, int, int]) -> SamePicture:
    first, second, turn = pair
    likeness = _likeness(stack[first], _turned(stack[second], turn), _SIDES)
    if first < second:
        return SamePicture(first, second, likeness, turn)
    return SamePicture(second, first, likeness, _BACK[turn])


def _likeness(grey: np.ndarray, other: np.ndarray, sides: Sequence[int]) -> float:
    """Correlation of two squares of the last of ``sides``, once the other is laid on the first; 0 if it cannot be."""
    side = sides[-1]
    broad_px = _PAPER_PX * side / SIDE
    warp = _warp(_without(grey, broad_px), _without(other, broad_px), sides)
    if warp is None:
        return 0.0
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(other, warp, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones_like(other), warp, (side, side), flags=flags)
    return _correlation(grey, laid, inside)


def _warp(grey: np.ndarray, other: np.ndarray, sides: Sequence[int]) -> np.ndarray | None:
    """The affine map (2, 3) that lays ``other`` on ``grey``; None where they have too little in common."""
    warp, before = np.eye(2, 3, dtype=np.float32), sides[0]
    for side in sides:
        scale, before = side / before, side
        # The centre of a pixel lies half a pixel from its corner at every size.
        warp[:, 2] = warp[:, 2] * scale + (warp[:, :2].sum(axis=1) - 1) * (scale - 1) / 2
        whole = np.full((side, side), 255, np.uint8)
        pair = [cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA) for image in (grey, other)]
        try:
            settled = cv2.findTransformECC(pair[0], pair[1], warp, cv2.MOTION_AFFINE, _STEPS, whole, 3)
        except cv2.error:  # it does not settle: the pages have nothing in common
            return None
        if side < SIDE and settled[0] < _LEAST_COARSE:
            return None
        warp = np.asarray(settled[1])
    return warp


def _correlation(grey: np.ndarray, other: np.ndarray, inside: np.ndarray) -> float:
    """Pearson's correlation of what stands out from its surroundings, away from the rim."""
    kept = cv2.erode(inside, np.ones((3, 3), np.uint8)).astype(bool)
    kept[:_EDGE] = kept[-_EDGE:] = kept[:, :_EDGE] = kept[:, -_EDGE:] = False
    if kept.sum() < kept.size // 3:
        return 0.0
    a, b = (_fine(image)[kept] for image in (grey, other))
    a, b = a - a.mean(), b - b.mean()
    length = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / length if length else 0.0


def _fine(grey: np.ndarray) -> np.ndarray:
    """Without what is broader than a paragraph: margins and columns are alike on pages that differ in every word."""
    return cv2.GaussianBlur(_without(grey, 6), (0, 0), 0.8)


def _without(grey: np.ndarray, width_px: float) -> np.ndarray:
    wide = grey.astype(np.float32)
    return wide - cv2.GaussianBlur(wide, (0, 0), width_px)
