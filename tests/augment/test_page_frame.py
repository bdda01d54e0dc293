"""The border between page and letterbox is found."""

import numpy as np
import pytest

from munseo._augment.page_frame import Frame, find_page


def letterboxed(page):
    size = max(page.shape)
    square = np.full((size, size, 3), 255, np.uint8)
    top, left = (size - page.shape[0]) // 2, (size - page.shape[1]) // 2
    square[top : top + page.shape[0], left : left + page.shape[1]] = page
    return square


@pytest.mark.parametrize("shape", [(96, 70), (96, 71), (70, 96), (71, 96), (96, 30), (96, 96)])
def test_grey_paper_is_found_to_the_pixel(draw_page, shape):
    page = draw_page(*shape)
    frame = find_page(letterboxed(page))
    assert (frame.bottom - frame.top, frame.right - frame.left) == shape
    assert np.array_equal(frame.cut(letterboxed(page)), page)
    assert np.array_equal(frame.place(page, 96), letterboxed(page))


def test_print_on_pure_white_is_never_cut():
    square = np.full((100, 100, 3), 255, np.uint8)
    square[5:95, 40:75] = 0
    frame = find_page(square)
    assert frame == Frame(0, 100, 14, 86), "at least as wide as A4"


def test_an_empty_page_is_all_page():
    assert find_page(np.full((64, 64, 3), 255, np.uint8)) == Frame(0, 64, 0, 64)
