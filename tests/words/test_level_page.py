import cv2
import numpy as np
import pytest
from drawn_pages import draw_page

from munseo._words.level_page import LEAST_PX, LONGEST_PX, make_level, with_even_light
from munseo._words.page_pose import POSES, Pose, certainty
from munseo._words.text_windows import find_windows


def turned(page: np.ndarray, angle_deg: float) -> np.ndarray:
    height, width = page.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 0.75)
    return cv2.warpAffine(page, matrix, (width, height), borderValue=250)


@pytest.mark.parametrize("angle_deg", [-30, -7.5, 0, 12, 40])
def test_a_skewed_page_becomes_level(angle_deg: float) -> None:
    level = make_level(turned(draw_page(), angle_deg))
    assert abs(level.skew_deg + angle_deg) < 0.7


def test_pages_get_a_size_that_engines_read_well() -> None:
    assert max(make_level(draw_page()).pixels.shape) == pytest.approx(LEAST_PX, abs=30)
    huge = cv2.resize(draw_page(), None, fx=6, fy=6, interpolation=cv2.INTER_LINEAR)
    assert max(make_level(huge).pixels.shape) == pytest.approx(LONGEST_PX, abs=30)
    # A tiny picture is not blown up without end, and one of a single pixel is a page too.
    assert max(make_level(np.full((10, 40), 255, np.uint8)).pixels.shape) == 120
    assert make_level(np.zeros((1, 1), np.uint8)).pixels.size


def test_the_matrix_leads_from_the_page_to_the_level_page() -> None:
    page = np.full((500, 400), 255, np.uint8)
    page[100:110, 50:350] = 0
    page[160:164, 50:350:6] = 0
    level = make_level(turned(page, 8))
    corner = np.array([200.0, 250.0, 1.0])  # the middle of the page, which turning leaves where it is
    x, y = level.matrix @ corner
    assert (x, y) == pytest.approx((level.pixels.shape[1] / 2, level.pixels.shape[0] / 2), abs=3)
    assert level.scale == pytest.approx(3.0)


def test_shadows_and_a_table_become_white_and_print_stays_dark() -> None:
    page = draw_page()
    shaded = (page * np.linspace(0.3, 1, page.shape[1])).astype(np.uint8)
    on_table = np.full((1300, 1000), 60, np.uint8)
    on_table[150:1150, 140:860] = shaded
    even = with_even_light(on_table)
    assert np.percentile(even, 20) > 200
    ink = on_table[150:1150, 140:860][page < 60]
    assert np.median(even[150:1150, 140:860][page < 60]) < 90 < np.median(even)
    assert ink.size


def test_windows_have_lines_and_the_direction_is_clear() -> None:
    page = np.full((2000, 1500), 255, np.uint8)
    page[600:1000] = cv2.resize(draw_page(size=36, width=1500, height=400), (1500, 400))
    windows, clarity = find_windows(page, 2)
    _, across = find_windows(np.rot90(page), 2)
    assert clarity > 2 * across
    assert all((window < 128).mean() > 0.02 for window in windows)
    assert find_windows(np.full((40, 40), 255, np.uint8), 3) == ([], 0.0)


@pytest.mark.parametrize("pose", POSES)
def test_a_pose_is_undone(pose: Pose) -> None:
    upright = np.arange(6).reshape(2, 3)
    given = np.rot90(upright[:, ::-1] if pose.mirrored else upright, pose.quarter_turns)
    np.testing.assert_array_equal(pose.made_upright(given), upright)


def test_certainty_is_between_0_and_1() -> None:
    assert certainty(0, 0) == 0
    assert certainty(5, 50) == 0
    assert 0.3 < certainty(20, 4) < certainty(200, 4) < 1


def test_rules_of_a_table_are_no_text_lines() -> None:
    page = np.full((2000, 1500), 255, np.uint8)
    for row in range(200, 900, 40):
        page[row : row + 5, 100:1400] = 0
    lines = draw_page(size=36, width=1500, height=400)
    page[1400:1800] = lines
    windows, _ = find_windows(page, 1)
    # The window is from the print, which has no run of 200 dark px.
    assert len(windows) == 1
    assert max(np.convolve(row < 128, np.ones(200), "valid").max() for row in windows[0]) < 200
    assert (windows[0] < 128).mean() > 0.02
