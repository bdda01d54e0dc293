from __future__ import annotations

import numpy as np
import pytest

from munseo._randomness import generator
from munseo._synth.photo import damage, scan


@pytest.fixture
def page() -> np.ndarray:
    """A grey canvas whose upper left quarter is dark: every turn and mirror image of it is another picture."""
    page = np.full((120, 90, 3), 180, np.uint8)
    page[:60, :45] = 40
    return page


def test_damage_follows_from_its_seed_and_leaves_the_page(page):
    before = page.copy()
    first, again = (damage(generator(0, "d"), page) for _ in range(2))
    assert np.array_equal(first, again)
    assert np.array_equal(page, before)
    assert first.dtype == np.uint8
    assert not np.array_equal(first, damage(generator(1, "d"), page))


def test_the_longest_side_is_kept(page):
    for seed in range(20):
        assert abs(max(damage(generator(seed, "d"), page).shape) - 120) <= 1


def test_pages_are_turned_over_the_full_circle(page):
    quarters = set()
    for seed in range(60):
        out = damage(generator(seed, "d"), page).mean(axis=2)
        height, width = out.shape
        ys, xs = np.nonzero(out < 90)
        quarters.add((bool(ys.mean() > height / 2), bool(xs.mean() > width / 2)))
    assert len(quarters) == 4


def test_a_second_page_shines_through(page):
    blank = np.full((300, 200, 3), 180, np.uint8)
    dark = np.zeros((50, 50, 3), np.uint8)
    alone, over = (damage(generator(5, "d"), page, second) for second in (blank, dark))
    assert over.mean() < alone.mean()


def test_a_scan_is_gentle(page):
    for seed in range(20):
        scanned = scan(generator(seed, "s"), page)
        assert scanned.shape == page.shape
        assert scanned.dtype == np.uint8
        assert scanned[70:110, 55:85].mean() > 180 * 0.72
        assert scanned[15:45, 12:30].mean() < 60
