from __future__ import annotations

import cv2
import numpy as np
import pytest

from munseo._data import letterbox


@pytest.mark.parametrize(
    ("height", "width", "box"),
    [
        (100, 50, (0, 64, 16, 48)),
        (50, 100, (16, 48, 0, 64)),
        (64, 64, (0, 64, 0, 64)),
        (16, 8, (0, 64, 16, 48)),
        (64, 32, (0, 64, 16, 48)),
        (1000, 1, (0, 64, 31, 32)),
    ],
)
def test_the_whole_page_centred_on_white(height, width, box):
    square = letterbox(np.zeros((height, width, 3), np.uint8), 64)
    assert square.shape == (64, 64, 3)
    assert square.dtype == np.uint8
    top, bottom, left, right = box
    assert (square[top:bottom, left:right] == 0).all()
    square[top:bottom, left:right] = 255
    assert (square == 255).all()


def test_nothing_is_cropped():
    page = np.full((90, 40, 3), 255, np.uint8)
    page[[0, -1]] = 0
    page[:, [0, -1]] = 0
    square = letterbox(page, 45)
    left = (45 - 20) // 2
    for edge in (square[0, left : left + 20], square[-1, left : left + 20], square[:, left], square[:, left + 19]):
        assert (edge < 200).all()


def test_the_input_is_not_shared():
    page = np.zeros((32, 32, 3), np.uint8)
    letterbox(page, 32)[:] = 7
    assert (page == 0).all()


@pytest.mark.parametrize("num_threads", [1, 2])
def test_a_grey_page_in_one_channel_has_the_same_pixels_as_in_three(num_threads):
    random, before = np.random.default_rng(0), cv2.getNumThreads()
    sides = [(1, 1), (1, 300), (512, 401), (401, 512), (640, 480), (128, 64), (96, 96), (1000, 3)]
    sides += [tuple(map(int, random.integers(1, 700, 2))) for _ in range(60)]
    cv2.setNumThreads(num_threads)
    try:
        for height, width in sides:
            noise = random.integers(0, 256, (height, width), dtype=np.uint8)
            smooth = cv2.GaussianBlur(noise, (0, 0), 2)
            for grey in (noise, smooth):
                rgb = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
                for size in (16, 64, 96, 224, 320, 512):
                    assert np.array_equal(letterbox(grey, size), letterbox(rgb, size)), (height, width, size)
    finally:
        cv2.setNumThreads(before)
