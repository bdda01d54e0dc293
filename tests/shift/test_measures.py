"""Each measure shows what was done to the page."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from letters import draw_letter

from munseo._augment import DAMAGES
from munseo._data import letterbox
from munseo._randomness import generator
from munseo._shift.image_quality import blockiness, edge_widths, jpeg_quality, noise_sigma
from munseo._shift.measures import read_square
from munseo._shift.orientation import NUM_STATES, in_state, layout_features
from munseo._shift.page_area import corner_darkness, find_covers, find_page_area, light
from munseo._shift.recipe_fit import fit_jpeg
from munseo._shift.text_lines import find_lines


def _turned(page, angle_deg):
    """Turn a page on a white canvas that shows all of it."""
    square = cv2.copyMakeBorder(page, 60, 60, 100, 100, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    height, width = square.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1.0)
    return cv2.warpAffine(square, matrix, (width, height), borderValue=(255, 255, 255))


@pytest.mark.parametrize("angle_deg", [-40, -17.5, -4, 1.5, 9, 33])
def test_skew_is_read_to_half_a_degree(letter, angle_deg):
    for noise in (0, 12):
        page = letterbox(_turned(letter, angle_deg), 320).astype(np.float32)
        page = np.clip(page + generator(0, "n").normal(0, noise, page.shape), 0, 255).astype(np.uint8)
        # The page leans to the left when it was turned counter-clockwise, so the lines fall by as much.
        assert abs(find_lines(find_page_area(page).strokes).skew_deg + angle_deg) < 0.5


def test_a_quarter_turn_changes_the_direction_of_lines_but_not_the_skew(letter):
    lying = find_lines(find_page_area(letterbox(letter, 320)).strokes)
    upright = find_lines(find_page_area(letterbox(np.rot90(letter), 320)).strokes)
    assert abs(lying.skew_deg - upright.skew_deg) < 0.2
    assert lying.across > 0.5
    assert upright.across < -0.5


def test_a_blank_page_has_no_skew_and_finite_readings():
    for level in (0, 200, 255):
        reading = read_square(np.full((96, 96, 3), level, np.uint8))
        assert reading.values["skew"] == 0
        assert np.isfinite([*reading.values.values(), *reading.layout]).all()


def test_perspective_spreads_the_lines():
    pages = [letterbox(draw_letter(index), 320) for index in range(12)]
    straight, aside = (
        np.median([read_square(DAMAGES["perspective"](page, severity, generator(0, "p", index))).values["line_spread"]
                   for index, page in enumerate(pages)])
        for severity in (0.0, 0.5)
    )  # fmt: skip
    assert aside > 2 * straight + 0.4


@pytest.mark.parametrize("sigma", [4, 10, 25])
def test_noise_is_read_to_a_sixth(letter, sigma):
    grey = (0.7 * letter[..., 0]).astype(np.float32)
    noisy = np.clip(grey + generator(0, "n").normal(0, sigma, grey.shape), 0, 255).astype(np.uint8)
    assert noise_sigma(noisy) == pytest.approx(sigma, rel=0.17)
    assert noise_sigma(grey.astype(np.uint8)) < 1.5


def test_blur_widens_edges_and_motion_only_those_across_it(letter):
    grey = letter[..., 0]
    widths = [edge_widths(cv2.GaussianBlur(grey, (0, 0), sigma) if sigma else grey)[0] for sigma in (0, 0.7, 1.2, 2)]
    assert all(second > first + 0.15 for first, second in pairwise(widths))
    across_x, across_y = edge_widths(cv2.blur(grey, (5, 1)))
    assert across_x > 1.3 * across_y


def test_jpeg_leaves_blocks_wherever_the_grid_starts(letter):
    def saved(quality):
        return cv2.imdecode(cv2.imencode(".jpg", letter, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 0)

    assert blockiness(letter[..., 0]) < 1.3
    assert blockiness(saved(15)) > 1.5
    assert blockiness(saved(15)[3:, 5:]) == pytest.approx(blockiness(saved(15)), rel=0.15)
    assert blockiness(saved(15)) > blockiness(saved(60))


@pytest.mark.parametrize("quality", [12, 30, 75, 95])
def test_the_quality_of_a_jpeg_is_read_off_its_tables(letter, quality):
    data = cv2.imencode(".jpg", letter, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    assert abs(jpeg_quality(data) - quality) <= 1
    assert jpeg_quality(cv2.imencode(".png", letter)[1].tobytes()) == 100


def test_jpeg_is_a_damage_only_where_test_files_are_worse():
    good, bad = np.full(50, 90.0), np.array([90.0] * 25 + [30.0] * 25)
    assert fit_jpeg(good, good, 1.0) is None
    name, probability, low, high = fit_jpeg(good, bad, 1.0)
    assert (name, probability) == ("jpeg", 0.5)
    assert low == high == pytest.approx((95 - 30) / 87, abs=0.01)
    assert fit_jpeg(good, bad, 0.5)[3] == pytest.approx(high / 2, abs=0.01), "shrinking heals"


def test_boxes_are_found_and_nothing_else(letter):
    grey = letter[..., 0].copy()
    assert not find_covers(grey, 0.5).any()
    grey[100:140, 60:130], grey[200:220, 150:200] = 0, 120
    grey[:, :6] = 0  # the edge of a scan
    covered = find_covers(grey, 0.5)
    assert covered.sum() == pytest.approx(40 * 70 + 20 * 50, rel=0.06)
    noisy = np.clip(grey + generator(0, "n").normal(0, 12, grey.shape), 0, 255).astype(np.uint8)
    assert find_covers(noisy, 12).sum() == pytest.approx(40 * 70 + 20 * 50, rel=0.15)


def test_fall_of_light_and_corners(letter):
    page = letter.astype(np.float32)
    dimmed = page * np.linspace(1, 0.5, page.shape[1])[None, :, None]
    fall, _ = light(find_page_area(letterbox(dimmed.astype(np.uint8), 320)))
    assert fall == pytest.approx(100 * 0.5 / 0.75, rel=0.12)
    assert light(find_page_area(letterbox(letter, 320)))[0] < 3
    on_table = cv2.copyMakeBorder(letter, 30, 30, 30, 30, cv2.BORDER_CONSTANT, value=(90, 90, 90))
    assert corner_darkness(find_page_area(letterbox(on_table, 320))) == pytest.approx((letter.max() - 90) / 2.55, abs=3)
    assert abs(corner_darkness(find_page_area(letterbox(letter, 320)))) < 1


@pytest.mark.parametrize("state", range(NUM_STATES))
def test_features_of_another_state_are_those_of_the_page_in_that_state(letter, state):
    moved = np.ascontiguousarray(np.rot90(letter[:, ::-1] if state >= 4 else letter, state % 4))
    direct, derived = (
        layout_features(area.strokes, find_lines(area.strokes))[None]
        for area in (find_page_area(letterbox(moved, 320)), find_page_area(letterbox(letter, 320)))
    )
    derived = in_state(derived, state)
    assert np.corrcoef(direct[0, :-2], derived[0, :-2])[0, 1] > 0.97
    assert direct[0, -2:] == pytest.approx(derived[0, -2:], abs=0.15)
