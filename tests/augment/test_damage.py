"""Each kind of damage separately: its range, and that only the generator decides what it looks like."""

import cv2
import numpy as np
import pytest

from munseo._augment import DAMAGES, apply_recipe
from munseo._augment.damage import apply_damages
from munseo._augment.recipe import Recipe
from munseo._randomness import generator

NAMES = list(DAMAGES)


@pytest.mark.parametrize("name", NAMES)
def test_a_damage_is_a_function_of_its_generator(letter, name):
    before = letter.copy()
    one, same, other = (DAMAGES[name](letter, 1.0, generator(0, "t", draw)) for draw in (1, 1, 2))
    assert np.array_equal(one, same)
    assert one.shape == letter.shape
    assert one.dtype == np.uint8
    assert one.flags.c_contiguous
    assert not np.array_equal(one, letter), "severity 1 shows"
    if name not in ("mirror", "rotation", "focus_blur", "darkness", "brightness", "jpeg"):
        assert any(
            not np.array_equal(one, DAMAGES[name](letter, 1.0, generator(0, "t", draw))) for draw in range(2, 8)
        ), "its shape is drawn"
    assert np.array_equal(letter, before), "the page itself is not touched"
    assert not np.shares_memory(other, letter)


@pytest.mark.parametrize("name", NAMES)
def test_severity_0_changes_next_to_nothing(letter, name):
    for draw in range(4):
        change = cv2.absdiff(DAMAGES[name](letter, 0.0, generator(0, "t", draw)), letter)
        assert change.max() <= (60 if name == "jpeg" else 1)
        assert change.mean() < 2


@pytest.mark.parametrize("name", [name for name in NAMES if DAMAGES[name].graded and name != "rotation"])
def test_more_severity_is_more_damage(letter, name):
    def change(severity):
        images = [DAMAGES[name](letter, severity, generator(0, "t", draw)) for draw in range(8)]
        return np.mean([cv2.absdiff(image, letter).mean() for image in images])

    assert change(0.15) < change(0.5) < change(1.0)


@pytest.mark.parametrize("name", [name for name in NAMES if DAMAGES[name].stage != "pose"])
def test_what_does_not_move_the_page_leaves_the_letterbox_white(letter, name):
    damaged = DAMAGES[name](letter, 1.0, generator(0, "t"))
    assert damaged[:, :13].min() == damaged[:, 83:].min() == 255


def test_right_angles_and_mirrors_move_whole_pixels(letter):
    assert np.array_equal(DAMAGES["mirror"](letter, 1.0, generator(0, "t")), letter[:, ::-1])
    turns = {1: 0, 2: 0, 3: 0}
    for draw in range(20):
        turned = DAMAGES["quarter_turn"](letter, 1.0, generator(0, "t", draw))
        [match] = [k for k in turns if np.array_equal(np.rot90(letter, k), turned)]
        turns[match] += 1
    assert min(turns.values()) > 0


@pytest.mark.parametrize("severity", [0.05, 0.25, 0.6])
def test_rotation_turns_by_its_severity_and_shows_the_whole_page_on_white(severity):
    page = np.full((200, 200, 3), 255, np.uint8)
    page[:, 30:170] = 240
    page[95:106, 130:141] = 0  # right of the middle, by 35 px
    angles = []
    for draw in range(6):
        turned = DAMAGES["rotation"](page, severity, generator(0, "t", draw))
        rows, columns = np.nonzero(turned[..., 0] < 100)
        angles.append(np.degrees(np.arctan2(99.5 - rows.mean(), columns.mean() - 99.5)))
        assert turned[0, 0].min() == 255
        paper = (turned[..., 0] < 250).mean()
        spans = np.ptp(np.nonzero(turned[..., 0] < 250), axis=1)
        assert spans.max() >= 197, "it fills the square"
        longest = max(abs(140 * np.cos(r)) + abs(200 * np.sin(r)) for r in np.radians([180 * severity]))
        longest = max(longest, max(abs(200 * np.cos(r)) + abs(140 * np.sin(r)) for r in np.radians([180 * severity])))
        assert paper == pytest.approx(140 * 200 * (200 / longest) ** 2 / 200**2, rel=0.03), "and no corner is cut"
    assert np.allclose(np.abs(angles), 180 * severity, atol=1.5)
    assert {np.sign(round(angle)) for angle in angles} == {-1, 1}


def test_a_table_replaces_the_white_around_a_turned_page():
    page = np.full((128, 128, 3), 255, np.uint8)
    page[:, 18:110] = 250
    chosen = [(DAMAGES["rotation"], 0.25), (DAMAGES["table"], 0.0)]
    for draw in range(6):
        photo = apply_damages(page, chosen, generator(0, "t", draw))
        assert photo[2, 2].max() < 230, "in the corner lies the table"
        assert photo[64, 64].min() >= 245, "in the middle the page"


def test_perspective_and_bend_keep_all_print_in_the_picture():
    page = np.full((160, 160, 3), 255, np.uint8)
    page[:, 20:140] = 250
    corners = [(22, 2), (22, 148), (128, 2), (128, 148)]
    for left, top in corners:
        page[top : top + 10, left : left + 10] = (0, 0, 0)
    for name in ("perspective", "bend"):
        for draw in range(12):
            photo = DAMAGES[name](page, 1.0, generator(0, "t", draw))
            num_spots, _ = cv2.connectedComponents((photo[..., 0] < 110).astype(np.uint8))
            assert num_spots - 1 == 4, f"{name} {draw}"


def test_noise_has_the_spread_of_its_severity():
    grey = np.full((128, 128, 3), 128, np.uint8)
    spreads = [DAMAGES["noise"](grey, 0.4, generator(0, "t", draw)).std() for draw in range(30)]
    assert 17 < max(spreads) < 19
    means = [DAMAGES["noise"](grey, 0.4, generator(0, "t", draw)).mean() for draw in range(30)]
    assert np.allclose(means, 128, atol=1)


def test_occlusion_covers_up_to_a_quarter():
    page = np.full((128, 128, 3), 90, np.uint8)
    shares = [(DAMAGES["occlusion"](page, 1.0, generator(0, "t", draw)) != 90).any(axis=2).mean() for draw in range(60)]
    assert 0.15 < max(shares) <= 0.26


def test_a_second_page_is_laid_over_from_the_pool(letter):
    red = np.zeros((96, 96, 3), np.uint8)
    red[..., 0] = 255
    recipe = Recipe.of("over", overlay=(1.0, 1.0, 1.0))
    own = apply_recipe(letter, recipe, generator(0, "t"))
    laid = apply_recipe(letter, recipe, generator(0, "t"), [red])
    middle = (slice(40, 56), slice(40, 56))
    assert (laid[middle][..., 0].astype(int) - laid[middle][..., 1]).mean() > 60
    assert abs((own[middle][..., 0].astype(int) - own[middle][..., 1]).mean()) < 20


def test_print_is_resampled_once_however_much_moves_it(draw_page):
    page = np.full((128, 128, 3), 255, np.uint8)
    page[:, 19:109] = cv2.resize(draw_page(), (90, 128))
    moved = [(DAMAGES["mirror"], 1.0), (DAMAGES["quarter_turn"], 1.0), (DAMAGES["rotation"], 1.0)]
    exact = apply_damages(page, moved, generator(0, "t"))
    assert any(np.array_equal(exact, np.rot90(page[:, ::-1], k)) for k in range(4)), "nothing was blurred on the way"


def test_the_order_in_which_damages_are_named_does_not_matter(letter):
    chosen = [(DAMAGES[name], 0.5) for name in ("jpeg", "rotation", "noise", "stain", "table")]
    assert np.array_equal(
        apply_damages(letter, chosen, generator(0, "t")), apply_damages(letter, chosen[::-1], generator(0, "t"))
    )
