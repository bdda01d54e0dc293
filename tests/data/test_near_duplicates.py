"""The same picture is found under every turn and mirroring, and similar pages are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from munseo._data.near_duplicates import (
    LEAST_FINE_LIKENESS,
    LEAST_LIKENESS,
    fine_likeness,
    fine_square,
    same_pictures,
    thumbnail,
)
from munseo._randomness import generator
from munseo._synth.generator import SynthPage, draw_page

SIDE_PX = 500
DIPLOMATIC, RECEIPT = 3, 6  # kinds of the generated set; any two would do


def _specimen(kind: int, index: int = 0) -> np.ndarray:
    return draw_page(SynthPage("train", index, kind, ""), 7, SIDE_PX)


def _turned(page: np.ndarray, turn: int) -> np.ndarray:
    """The quarter turns, then the same mirrored; in the order of OpenCV, not of near_duplicates.py."""
    return np.ascontiguousarray(np.rot90(page[:, ::-1] if turn & 4 else page, turn & 3))


def _saved(page: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", page, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def _askew(page: np.ndarray, degrees: float) -> np.ndarray:
    height, width = page.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return cv2.warpAffine(page, matrix, (width, height), borderValue=(255, 255, 255))


def _letter(number: int) -> np.ndarray:
    """Draw the same letterhead above lines of words that differ."""
    page, rng = np.full((640, 452, 3), 255, np.uint8), generator(number, "test-letter")
    cv2.rectangle(page, (30, 30), (90, 80), (0, 0, 0), -1)
    for y, text, size in ((55, "MUNSEO SHIPPING COMPANY", 0.6), (75, "12 Harbour Road, Busan", 0.4)):
        cv2.putText(page, text, (105, y), cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 1, cv2.LINE_AA)
    for y in range(130, 600, 18):
        words = "  ".join("".join(rng.choice(list("abcdefghimnorstu"), rng.integers(2, 9))) for _ in range(7))
        cv2.putText(page, words, (30, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return page


def _pairs(pages: list[np.ndarray]) -> dict[tuple[int, int], float]:
    """Return the likeness of the pairs that pass both comparisons, as the split and the doctor make them."""
    pairs = same_pictures([thumbnail(page) for page in pages], 2)
    squares = [fine_square(page) for page in pages]
    fine = {(p.first, p.second): fine_likeness(squares[p.first], squares[p.second], p.turn) for p in pairs}
    return {pair: likeness for pair, likeness in fine.items() if likeness >= LEAST_FINE_LIKENESS}


@pytest.mark.parametrize("turn", range(8))
def test_every_turn_and_mirroring_of_a_page_saved_again_and_askew(turn):
    page, other = _specimen(DIPLOMATIC), _specimen(RECEIPT)
    copy = _saved(_askew(_turned(page, turn), 2.5), 40)
    # Before the page and after it: the turn is then told the other way round.
    assert set(_pairs([copy, other, page])) == {(0, 2)}
    assert set(_pairs([page, copy, other])) == {(0, 1)}


def test_the_turn_that_is_told_lays_the_second_on_the_first():
    page = _specimen(RECEIPT)
    for turn in range(8):
        (pair,) = same_pictures([thumbnail(page), thumbnail(_turned(page, turn))], 1)
        assert (pair.first, pair.second) == (0, 1)
        squares = [fine_square(page), fine_square(_turned(page, turn))]
        likeness = [fine_likeness(*squares, turn=told) for told in range(8)]
        assert int(np.argmax(likeness)) == pair.turn
        assert likeness[pair.turn] > 0.999


def test_letters_on_one_letterhead_are_not_one_picture():
    pages = [_letter(number) for number in range(5)]
    assert _pairs([*pages, _saved(_askew(pages[2], -1.5), 60)]).keys() == {(2, 5)}


def test_all_copies_of_a_page_are_tied_together():
    page = _specimen(DIPLOMATIC)
    copies = [_saved(_askew(page, degrees), 70) for degrees in np.linspace(-3, 3, 9)]
    tied = {0}
    pairs = _pairs([*copies, _specimen(RECEIPT)])
    for _ in copies:
        tied |= {place for pair in pairs for place in pair if tied & set(pair)}
    assert tied == set(range(9))


def test_blank_pages_are_not_compared():
    grain = generator(0, "test-blank").integers(244, 252, (2, 600, 424, 3), dtype=np.uint8)
    blank = [np.full((600, 424, 3), 255, np.uint8)] * 2
    assert same_pictures([thumbnail(page) for page in (*blank, *grain)], 1) == []
    assert same_pictures([thumbnail(blank[0]), thumbnail(_specimen(RECEIPT))], 1) == []
    assert same_pictures([], 1) == []


def test_the_most_alike_come_first():
    page = _specimen(RECEIPT)
    found = same_pictures([thumbnail(image) for image in (page, _saved(_askew(page, 4), 20), _saved(page, 90))], 1)
    assert (found[0].first, found[0].second) == (0, 2)
    assert [pair.likeness for pair in found] == sorted((pair.likeness for pair in found), reverse=True)
    assert all(LEAST_LIKENESS <= pair.likeness <= 1 + 1e-6 for pair in found)
