"""Pages are made level and denoised; pages that need neither are not changed."""

import cv2
import numpy as np
import pytest
from letters import draw_letter

from munseo._augment import DAMAGES
from munseo._data import letterbox
from munseo._randomness import generator
from munseo._shift import denoise, deskew
from munseo._shift.page_area import find_page_area
from munseo._shift.text_lines import find_skew, has_level_lines


def _turned(page, angle_deg, ground=(255, 255, 255)):
    """Turn a page on a canvas that shows all of it."""
    height, width = page.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1.0)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = round(width * cos + height * sin), round(width * sin + height * cos)
    matrix[:, 2] += [(size[0] - width) / 2, (size[1] - height) / 2]
    return letterbox(cv2.warpAffine(page, matrix, size, borderValue=ground), 224)


def _skew_and_lying(square):
    strokes = find_page_area(square).strokes
    return find_skew(strokes)[0], has_level_lines(strokes)


@pytest.mark.parametrize("angle_deg", [-140, -90, -52, -20, -7, 12, 33, 44, 75, 90, 168])
@pytest.mark.parametrize("ground", [(255, 255, 255), (70, 70, 70)])
def test_lines_are_level_from_any_angle(letter, angle_deg, ground):
    skew, lying = _skew_and_lying(deskew(_turned(letter, angle_deg, ground)))
    assert abs(skew) < 1.5
    assert lying


def test_the_page_fills_the_square_as_before(letter):
    square = letterbox(letter, 224)
    page = np.count_nonzero((square < 255).any(axis=2))
    for angle_deg in (-25, 14, 60, 115):
        level = deskew(_turned(letter, angle_deg))
        assert np.count_nonzero((level < 253).any(axis=2)) == pytest.approx(page, rel=0.15), angle_deg


def test_no_print_is_cut_off():
    for index in range(6):
        page = draw_letter(index)
        turned = _turned(page, 30 + 5 * index, (245, 245, 245))
        darkness = [float((235 - np.minimum(square, 235).astype(float)).sum()) for square in (deskew(turned), turned)]
        # Darkness grows with the scale; what is cut off would be missing from it.
        assert darkness[0] > 0.97 * darkness[1]


def test_a_level_page_stays_as_it_is_to_the_pixel(letter):
    square = letterbox(letter, 224)
    assert np.array_equal(deskew(square), square)
    upside_down = np.ascontiguousarray(np.rot90(square, 2))
    assert np.array_equal(deskew(upside_down), upside_down), "upside down is not known"
    mirrored = np.ascontiguousarray(square[:, ::-1])
    assert np.array_equal(deskew(mirrored), mirrored)


def test_a_page_on_its_side_is_turned_without_resampling(letter):
    square = letterbox(letter, 224)
    level = deskew(np.ascontiguousarray(np.rot90(square)))
    assert np.array_equal(level, square) or np.array_equal(level, np.rot90(square, 2))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_blank_pages_pass_through(level):
    blank = np.full((96, 96, 3), level, np.uint8)
    assert np.array_equal(deskew(blank), blank)
    assert np.array_equal(denoise(blank), blank)


def test_the_input_is_not_changed_and_decides_the_result(letter):
    square = DAMAGES["noise"](_turned(letter, 20), 0.5, generator(0, "n"))
    before = square.copy()
    for change in (deskew, denoise):
        first, second = change(square), change(square)
        assert np.array_equal(square, before)
        assert np.array_equal(first, second)
        assert first.shape == square.shape
        assert first.dtype == np.uint8
        assert not np.shares_memory(first, square)


def test_noise_falls_and_print_stays(letter):
    square = letterbox(letter, 224)
    for severity in (0.25, 0.6):
        noisy = DAMAGES["noise"](square, severity, generator(0, "n"))
        errors = [float(np.abs(page.astype(float) - square).mean()) for page in (noisy, denoise(noisy))]
        assert errors[1] < 0.75 * errors[0], severity


def test_a_clean_page_is_not_denoised(letter):
    square = letterbox(letter, 224)
    assert np.array_equal(denoise(square), square)
