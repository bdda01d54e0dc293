import numpy as np
import pytest

from munseo._words.page_words import NO_WORDS, PageWords


def test_text_has_single_spaces() -> None:
    assert PageWords(("진단서", "No.", "7"), None, None, "column").text == "진단서 No. 7"
    assert NO_WORDS.text == ""


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarter_turns", range(4))
def test_boxes_are_found_again_on_the_page_as_given(quarter_turns: int, mirrored: bool) -> None:
    upright = np.zeros((40, 80), np.uint8)
    upright[4:10, 16:32] = 255
    flipped = upright[:, ::-1] if mirrored else upright
    given = np.rot90(flipped, quarter_turns)
    box = np.array([[16 / 80, 4 / 40, 32 / 80, 10 / 40]], np.float32)
    page = PageWords(("word",), box, None, "ocr", quarter_turns, mirrored)

    ((x0, y0, x1, y1),) = _in_px(page, given)

    assert (given[y0:y1, x0:x1] == 255).all()
    assert (x1 - x0) * (y1 - y0) == 6 * 16


def _in_px(page: PageWords, given: np.ndarray) -> list[tuple[int, int, int, int]]:
    height, width = given.shape
    boxes = page.boxes_as_given()
    assert boxes is not None
    return [tuple(round(float(side)) for side in row) for row in boxes * [width, height, width, height]]


def test_pages_are_compared_with_their_arrays() -> None:
    def page(confidence: float) -> PageWords:
        return PageWords(("a",), np.zeros((1, 4), np.float32), np.array([confidence], np.float32), "ocr")

    assert page(0.5) == page(0.5)
    assert page(0.5) != page(0.6)
    assert page(0.5) != PageWords(("a",), None, None, "ocr")
    assert len({page(0.5), page(0.5)}) == 1
