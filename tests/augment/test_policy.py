"""Policies: what each may do to a page, and that it depends only on its generator."""

import numpy as np
import pytest

from munseo._augment import LEVELS, POLICY_NAMES, Augmenter, build_policy, cutout
from munseo._augment.transforms import affine, colour_matrix, gaussian_noise, recolour, tone, transpose, warp
from munseo._errors import UserError
from munseo._randomness import generator


@pytest.fixture
def page():
    image = np.full((96, 96, 3), 255, np.uint8)
    image[20:24, 10:80] = 0
    image[40:60, 20:40] = (200, 30, 60)
    return image


@pytest.mark.parametrize("name", POLICY_NAMES)
def test_a_policy_is_a_function_of_its_generator(page, name):
    policy, before = build_policy(name), page.copy()
    first = [policy(page, generator(1, "t", index)) for index in range(12)]
    again = [policy(page, generator(1, "t", index)) for index in reversed(range(12))][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(image.shape == page.shape and image.dtype == np.uint8 for image in first)
    assert len({image.tobytes() for image in first}) == 12
    assert np.array_equal(page, before), "the page itself is not touched"


def only_geometry(**changes):
    return build_policy("eda", {"blur_p": 0, "noise_p": 0, "jitter_p": 0, "transpose_p": 0, "geometry_p": 1, **changes})


def centre_of_ink(image):
    rows, columns = np.nonzero(image[..., 0] < 128)
    return columns.mean(), rows.mean()


def test_eda_turns_from_minus_20_to_30_degrees_and_fills_with_white():
    dot = np.full((201, 201, 3), 255, np.uint8)
    dot[95:106, 155:166] = 0  # 60 px right of the centre
    policy = only_geometry(shift=[0, 0], scale=[1, 1])
    angles = []
    for index in range(300):
        moved = policy(dot, generator(0, "t", index))
        x, y = centre_of_ink(moved)
        angles.append(np.degrees(np.arctan2(100 - y, x - 100)))
        assert moved[0, 0].min() == 255, "outside the page is white paper"
    assert -20.5 < min(angles) < -15
    assert 25 < max(angles) < 30.5


def test_eda_shifts_by_at_most_5_and_scales_by_at_most_15_percent():
    dot = np.full((200, 200, 3), 255, np.uint8)
    dot[95:105, 95:105] = 0
    shifts = [
        np.subtract(centre_of_ink(only_geometry(scale=[1, 1], rotation_deg=[0, 0])(dot, generator(0, "t", i))), 99.5)
        for i in range(200)
    ]
    assert 8 < np.abs(shifts).max() <= 10.6
    areas = [
        (only_geometry(shift=[0, 0], rotation_deg=[0, 0])(dot, generator(0, "t", i))[..., 0] < 128).sum() / 100
        for i in range(200)
    ]
    assert 0.6 < min(areas) < 0.85
    assert 1.2 < max(areas) < 1.45


def test_frequencies_are_those_of_the_reference(page):
    p = build_policy("eda").parameters
    assert (p.geometry_p, p.transpose_p, p.blur_p, p.noise_p, p.jitter_p) == (0.9, 0.5, 0.3, 0.8, 0.8)
    alone = build_policy("eda", {"geometry_p": 0, "blur_p": 0, "noise_p": 0, "jitter_p": 0})
    transposed = [not np.array_equal(alone(page, generator(0, "t", i)), page) for i in range(600)]
    assert 0.43 < np.mean(transposed) < 0.57


def test_dilation_thins_print_and_erosion_thickens_it(page):
    still = {"geometry_p": 0, "transpose_p": 0, "rgb_shift_p": 0, "light_p": 0}
    ink = (page < 128).sum()
    assert (build_policy("dilation", still)(page, generator(0, "t")) < 128).sum() < ink
    assert (build_policy("erosion", still)(page, generator(0, "t")) < 128).sum() > ink


def test_one_warp_composes_exactly():
    image = generator(0, "t").integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert np.array_equal(warp(image, affine(64), (64, 64)), image)
    assert np.array_equal(warp(image, affine(64, angle_deg=90), (64, 64)), np.rot90(image))
    assert np.array_equal(transpose(image)[3, 5], image[5, 3])


def test_colour_leaves_grey_print_grey():
    grey = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    turned = recolour(grey, colour_matrix(hue_deg=40, saturation=1.4))
    assert np.abs(turned.astype(int) - grey).max() <= 1
    assert np.array_equal(recolour(grey, colour_matrix()), grey)
    assert np.array_equal(tone(grey), grey)


@pytest.mark.parametrize("size", [64, 600])
def test_noise_has_the_spread_that_is_asked_for(size):
    grey = np.full((size, size, 3), 128, np.uint8)
    noise = gaussian_noise(grey, 12.0, generator(0, "t")).astype(float) - 128
    assert abs(noise.std() - 12) < 0.6
    assert abs(noise.mean()) < 0.6
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.05


def test_cutout_covers_boxes_of_one_grey(page):
    covered = cutout(page, generator(0, "t"))
    changed = (covered != page).any(axis=2)
    assert 0 < changed.mean() < 0.3
    assert set(np.unique(covered[changed])) <= {0, 127, 255}


def test_the_augmenter_leaves_the_right_fraction_clean(page):
    augmenter = Augmenter([build_policy("dilation"), build_policy("erosion")], 0.85)
    used = [augmenter(page, generator(0, "t", index))[1] for index in range(1500)]
    shares = np.bincount(np.array(used) + 1, minlength=3) / len(used)
    assert abs(shares[0] - 0.15) < 0.03
    assert abs(shares[1] - 0.425) < 0.045
    image, policy = Augmenter([])(page, generator(0, "t"))
    assert policy == -1
    assert image is page


def test_levels_name_policies_that_exist():
    assert list(LEVELS) == ["none", "minimal", "moderate", "strong"]
    assert {name for level in LEVELS.values() for name in level} <= {*POLICY_NAMES, "mixup", "cutmix"}


def test_wrong_parameters_are_reported_together():
    with pytest.raises(UserError) as caught:
        build_policy("eda", {"rotation_deg": [5, -5], "blur_p": 2, "nois_p": 0.1, "scale": [0, 1]})
    told = "\n".join(caught.value.problems)
    assert "augmentation_params.eda.rotation_deg: [5, -5] is not allowed; should be [low, high]" in told
    assert "augmentation_params.eda.blur_p: 2 is not allowed; should be a number from 0 to 1" in told
    assert "augmentation_params.eda.nois_p: unknown; did you mean noise_p?" in told
    assert "augmentation_params.eda.scale" in told
    with pytest.raises(UserError, match="did you mean erosion"):
        build_policy("errosion")
