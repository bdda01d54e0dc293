"""Test-time views: exact where they can be, white where there is no page."""

import pytest
import torch

from munseo.errors import UserError
from munseo.evaluation import VIEWS, check_views


@pytest.fixture
def images():
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


WHITE = torch.ones(3, 1, 1)


def test_turns_and_flips_are_exact(images):
    def view(name, given):
        return VIEWS[name](given, WHITE)

    assert torch.equal(view("identity", images), images)
    assert torch.equal(view("rotate_90", view("rotate_270", images)), images)
    assert torch.equal(view("rotate_90", view("rotate_90", images)), view("rotate_180", images))
    assert torch.equal(view("flip_horizontal", view("flip_vertical", images)), view("rotate_180", images))
    assert torch.equal(view("transpose", view("transpose", images)), images)


def test_a_smaller_page_has_white_around_it(images):
    black = torch.zeros(2, 3, 100, 100)
    smaller = VIEWS["scale_90"](black, WHITE)
    assert smaller[0, 0, 0, 0] == 1
    assert smaller[0, 0, 50, 50] == 0
    assert 0.15 < smaller.mean() < 0.25, "1 - 0.9² of the square is outside"
    assert VIEWS["scale_110"](black, WHITE).max() < 1e-6


def test_unknown_views_are_named():
    with pytest.raises(UserError, match="rotate_45: no such view; did you mean rotate_"):
        check_views(["identity", "rotate_45"])
