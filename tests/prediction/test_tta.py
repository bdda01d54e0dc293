"""Test-time views: exact where they can be, white where there is no page."""

import pytest
import torch

from munseo._errors import UserError
from munseo._evaluation.second_look import VIEW_SETS
from munseo._evaluation.view_gains import average
from munseo._model import Classifier, ModelCard
from munseo._prediction import check_views
from munseo._prediction.tta import TENSOR_VIEWS, VIEWS, mean_probabilities, view_input, view_logits


@pytest.fixture
def images():
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


WHITE = torch.ones(3, 1, 1)


def test_turns_and_flips_are_exact(images):
    def view(name, given):
        return TENSOR_VIEWS[name](given, WHITE)

    assert torch.equal(view("identity", images), images)
    assert torch.equal(view("rotate_90", view("rotate_270", images)), images)
    assert torch.equal(view("rotate_90", view("rotate_90", images)), view("rotate_180", images))
    assert torch.equal(view("flip_horizontal", view("flip_vertical", images)), view("rotate_180", images))
    assert torch.equal(view("transpose", view("transpose", images)), images)


def test_a_smaller_page_has_white_around_it(images):
    black = torch.zeros(2, 3, 100, 100)
    smaller = TENSOR_VIEWS["scale_90"](black, WHITE)
    assert smaller[0, 0, 0, 0] == 1
    assert smaller[0, 0, 50, 50] == 0
    assert 0.15 < smaller.mean() < 0.25, "1 - 0.9² of the square is outside"
    assert TENSOR_VIEWS["scale_110"](black, WHITE).max() < 1e-6


@pytest.mark.parametrize("name", TENSOR_VIEWS)
def test_a_view_is_the_same_page_in_mixed_precision(echo, name):
    pages = torch.randint(0, 256, (1, 48, 48, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    exact = view_input(echo, pages, name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(view_input(echo, pages, name), exact)


def test_a_second_look_chooses_among_views_that_there_are():
    for names in VIEW_SETS.values():
        check_views(names)


def test_unknown_views_are_named():
    with pytest.raises(UserError, match="rotate_45: no such view; did you mean rotate_"):
        check_views(["identity", "rotate_45"])


class Echo(torch.nn.Module):
    """A model whose logits are the mean darkness of the left, middle and right third of what it sees."""

    def forward(self, images):
        return torch.stack([-part.mean(dim=(1, 2, 3)) for part in images.tensor_split(3, dim=3)], dim=1)


@pytest.fixture
def echo():
    card = ModelCard("echo", ("a", "b", "c"), ("0", "1", "2"), 96, (0.5,) * 3, (0.5,) * 3)
    return Classifier(Echo(), card)


@pytest.fixture
def pages():
    page = torch.full((1, 96, 96, 3), 255, dtype=torch.uint8)
    page[:, 20:76, 4:20] = 0
    return page


def test_a_mirrored_view_sees_the_other_side(echo, pages):
    here, there = view_logits(echo, pages, "identity"), view_logits(echo, pages, "flip_horizontal")
    assert here.argmax() == 0
    assert there.argmax() == 2


def test_views_are_averaged_in_the_space_asked_for(echo, pages):
    names = ["identity", "flip_horizontal"]
    logits = torch.stack([view_logits(echo, pages, name) for name in names])
    shares = mean_probabilities(echo, pages, names, "probability")
    assert torch.allclose(shares, logits.softmax(dim=2).mean(dim=0))
    assert torch.allclose(mean_probabilities(echo, pages, names, "logit"), logits.mean(dim=0).softmax(dim=1))
    assert torch.allclose(shares.sum(), torch.tensor(1.0))


def test_every_view_runs_and_is_deterministic(echo, pages):
    for name in VIEWS:
        assert torch.equal(view_logits(echo, pages, name), view_logits(echo, pages, name)), name


def test_a_page_averaged_from_tables_is_the_page_averaged_from_the_model(echo, pages):
    names = ["identity", "flip_horizontal", "scale_90"]
    rows = torch.stack([view_logits(echo, pages, name).softmax(dim=1) for name in names]).numpy()
    for space in ("probability", "logit"):
        assert average(rows, space) == pytest.approx(mean_probabilities(echo, pages, names, space).numpy(), abs=1e-6)
