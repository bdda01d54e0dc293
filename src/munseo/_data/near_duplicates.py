"""Pages that show the same picture: turned by quarters, mirrored, saved again, or slightly rotated.

There are three steps. The lowest frequencies of a page (the perceptual hash of Zauner 2010, kept as numbers instead of
signs) are compared for all pages under all eight turns and mirrorings; that is one matrix product. Letters and forms
have similar low frequencies, so the thumbnails of each page and its nearest others are then aligned (ECC, Evangelidis
and Psarakis 2008). Two short letters with the same letterhead still correlate there, so the few pairs that are left are
read again and aligned at a size at which words differ.
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
"""The side of a thumbnail in px: a line of print is still a line in it. It takes 9 kB of memory a page."""

LEAST_LIKENESS = 0.85  # the correlation of two aligned thumbnails from which on the pages themselves are compared
FINE_SIDE = 256  # the side of the squares that are compared in the last step, in px

LEAST_FINE_LIKENESS = 0.93
"""The correlation of these from which on two pages are the same picture; docs/doctor.md shows how it was chosen."""

_NEAREST = 4
"""Other pages that a page is aligned with. A page with more copies is still linked to them through the copies' four."""

_FREQUENCIES = 10  # the frequencies of each axis that are compared
_LEAST_PRODUCT = 0.6  # the product of two pages' frequencies below which they are not aligned
_LEAST_COARSE = 0.7  # the correlation of coarsely aligned pages below which they are not aligned finely
_LEAST_CONTRAST = 4.0  # the standard deviation in grey levels below which a page is blank; blank pages are not compared
_EDGE_PX = 3  # pixels at the rim that are ignored: a turned page has interpolated corners there
_MAX_PRODUCTS = 2 * 10**8  # products of two pages' frequencies in memory at a time: 0.8 GB

_SIDES = (32, 48, SIDE)
"""Pages are aligned at these sizes, the coarsest first; otherwise print would be aligned with the next line."""

_PAPER_PX = 12
"""What is broader than this (paper, light, black corners of a turned page) is removed before aligning: with it, one
pair in four was not aligned correctly."""

_STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
"""When OpenCV stops to align: after 40 iterations, or when the correlation grows by less than 1e-4."""

_INVERSE_TURNS = (0, 1, 2, 3, 4, 6, 5, 7)
"""The turn that undoes each turn: mirrorings and half turns undo themselves, quarter turns each other."""


@dataclass(frozen=True, slots=True)
class SamePicture:
    """Two pages that show the same picture."""

    first: int  # indices of the pages in the list; ``second`` is the larger one
    second: int
    likeness: float  # correlation of the aligned pages, at most 1
    turn: int = 0  # which of the eight turns and mirrorings aligns the second page with the first


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Return a page (H, W, 3) uint8 as (SIDE, SIDE) uint8 grey, stretched so that a quarter turn fits on it."""
    # Area averages: thin print becomes grey instead of vanishing between the samples.
    return cv2.cvtColor(cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)


def fine_square(pixels: np.ndarray) -> np.ndarray:
    """Return a page (H, W, 3) uint8 as (FINE_SIDE, FINE_SIDE) uint8 grey."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (FINE_SIDE, FINE_SIDE), interpolation=cv2.INTER_AREA)


def fine_likeness(square: np.ndarray, other: np.ndarray, turn: int) -> float:
    """Return the correlation of two results of ``fine_square`` after aligning the second. This takes about 0.1 s."""
    return _likeness(square, _turned(other, turn), (*_SIDES, FINE_SIDE))


def same_pictures(thumbnails: Sequence[np.ndarray], num_threads: int) -> list[SamePicture]:
    """Find all pairs of pages whose thumbnails show the same picture, the most alike first, with a progress bar.

    This takes some 14 ms a page on one core, and 0.1 ms a page for every 1,000 other pages.

    Args:
        thumbnails: N results of ``thumbnail``.
        num_threads: Pairs that are aligned at once.
    """
    stack = np.stack(thumbnails) if thumbnails else np.empty((0, SIDE, SIDE), np.uint8)
    pairs = list(_candidates(stack))
    with ThreadPoolExecutor(num_threads) as pool:
        compared = track(pool.map(partial(_compare, stack), pairs), "Comparing pages", total=len(pairs))
        alike = [pair for pair in compared if pair.likeness >= LEAST_LIKENESS]
    return sorted(alike, key=lambda pair: -pair.likeness)


def _candidates(stack: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Yield pairs that are worth aligning, with the turn that aligns the second page with the first."""
    printed = np.flatnonzero(stack.std(axis=(1, 2)) >= _LEAST_CONTRAST)
    if len(printed) < 2:
        return
    waves = np.stack([_frequencies(stack[index]) for index in printed])
    flat = waves.reshape(len(waves), -1)
    turned = np.stack([_turned_frequencies(waves, turn).reshape(len(waves), -1) for turn in range(8)])
    seen: set[tuple[int, int]] = set()
    block = max(1, _MAX_PRODUCTS // (8 * len(flat)))
    for start in range(0, len(flat), block):
        # (8, block, N): every page of the block against every page under every turn.
        alike = np.einsum("bk,tnk->tbn", flat[start : start + block], turned, optimize=True)
        best = alike.max(axis=0)
        best[np.arange(len(best)), start + np.arange(len(best))] = -1
        nearest = np.argpartition(-best, min(_NEAREST, len(flat) - 1), axis=1)[:, :_NEAREST]
        for row, others in enumerate(nearest):
            for other in others[best[row, others] >= _LEAST_PRODUCT]:
                pair = (min(start + row, other), max(start + row, other))
                if pair in seen:
                    continue
                seen.add(pair)
                turn = int(alike[:, row, other].argmax())
                # The turn aligns ``other`` with ``row``.
                yield int(printed[start + row]), int(printed[other]), turn


def _frequencies(grey: np.ndarray) -> np.ndarray:
    """Return the lowest frequencies, (_FREQUENCIES, _FREQUENCIES) float32, without the mean and of length 1.

    Their square roots are taken, so that no single frequency outweighs the others.
    """
    waves = cv2.dct(grey.astype(np.float32))[:_FREQUENCIES, :_FREQUENCIES].copy()
    waves[0, 0] = 0
    waves = np.sign(waves) * np.sqrt(np.abs(waves))
    return waves / np.linalg.norm(waves)


def _turned_frequencies(waves: np.ndarray, turn: int) -> np.ndarray:
    """Return the frequencies of the pages that ``_turned`` makes: mirroring changes the signs of odd frequencies."""
    signs = (-1.0) ** np.arange(_FREQUENCIES, dtype=np.float32)
    if turn & 4:
        waves = waves.swapaxes(-1, -2)
    if turn & 2:
        waves = waves * signs[:, None]
    if turn & 1:
        waves = waves * signs
    return waves


def _turned(grey: np.ndarray, turn: int) -> np.ndarray:
    """Return one of the eight turns and mirrorings of a square."""
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
    return SamePicture(second, first, likeness, _INVERSE_TURNS[turn])


def _likeness(grey: np.ndarray, other: np.ndarray, sides: Sequence[int]) -> float:
    """Return the correlation of two squares after aligning them, or 0 if that fails; their side is the last one."""
    side = sides[-1]
    broad_px = _PAPER_PX * side / SIDE
    warp = _warp(_remove_broad(grey, broad_px), _remove_broad(other, broad_px), sides)
    if warp is None:
        return 0.0
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    aligned = cv2.warpAffine(other, warp, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones_like(other), warp, (side, side), flags=flags)
    return _correlation(grey, aligned, inside)


def _warp(grey: np.ndarray, other: np.ndarray, sides: Sequence[int]) -> np.ndarray | None:
    """Return the affine map (2, 3) that aligns ``other`` with ``grey``; None if they have too little in common."""
    warp, before = np.eye(2, 3, dtype=np.float32), sides[0]
    for side in sides:
        scale, before = side / before, side
        # The centre of a pixel is half a pixel away from its corner at every size.
        warp[:, 2] = warp[:, 2] * scale + (warp[:, :2].sum(axis=1) - 1) * (scale - 1) / 2
        whole = np.full((side, side), 255, np.uint8)
        pair = [cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA) for image in (grey, other)]
        try:
            aligned = cv2.findTransformECC(pair[0], pair[1], warp, cv2.MOTION_AFFINE, _STEPS, whole, 3)
        except cv2.error:  # it does not converge: the pages have nothing in common
            return None
        if side < SIDE and aligned[0] < _LEAST_COARSE:
            return None
        warp = np.asarray(aligned[1])
    return warp


def _correlation(grey: np.ndarray, other: np.ndarray, inside: np.ndarray) -> float:
    """Return Pearson's correlation of the details of two pages, without the rim."""
    kept = cv2.erode(inside, np.ones((3, 3), np.uint8)).astype(bool)
    kept[:_EDGE_PX] = kept[-_EDGE_PX:] = kept[:, :_EDGE_PX] = kept[:, -_EDGE_PX:] = False
    if kept.sum() < kept.size // 3:
        return 0.0
    # What is broader than a paragraph is removed: margins and columns are alike on pages that differ in every word.
    a, b = (cv2.GaussianBlur(_remove_broad(image, 6), (0, 0), 0.8)[kept] for image in (grey, other))
    a, b = a - a.mean(), b - b.mean()
    length = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / length if length else 0.0


def _remove_broad(grey: np.ndarray, width_px: float) -> np.ndarray:
    wide = grey.astype(np.float32)
    return wide - cv2.GaussianBlur(wide, (0, 0), width_px)
