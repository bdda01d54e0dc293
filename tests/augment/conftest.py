"""A small letterboxed page: grey paper with print, and white bars next to it."""

import cv2
import numpy as np
import pytest


def _draw_page(height=96, width=70, paper=245):
    page = np.full((height, width, 3), paper, np.uint8)
    for top in range(10, height - 8, 6):
        cv2.line(page, (8, top), (width - 10 - top % 13, top), (30, 30, 30), 2)
    cv2.rectangle(page, (8, 8), (30, 26), (160, 40, 60), -1)
    return page


@pytest.fixture
def letter():
    """96 px high and 70 px wide, so 13 px of white on either side."""
    square = np.full((96, 96, 3), 255, np.uint8)
    square[:, 13:83] = _draw_page()
    return square


@pytest.fixture
def draw_page():
    """Height and width in px to a page of that shape, without bars."""
    return _draw_page
