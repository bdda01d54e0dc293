"""Predictions by single views: no page twice by the same view, and the same numbers as one view at a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from munseo._model import Classifier, ModelCard
from munseo._prediction import InferenceSetup
from munseo._prediction.loader import PageDataset
from munseo._prediction.tta import VIEWS, distinct_views, mean_probabilities, view_logits
from munseo._prediction.view_predictions import ViewPredictions

NUM_PAGES, SIZE = 7, 32
CARD = ModelCard(
    "x", tuple("abc"), tuple("012"), SIZE, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4), ("identity", "flip_horizontal")
)
CPU = InferenceSetup(torch.device("cpu"), batch_size=4)


class Thirds(torch.nn.Module):
    """Logits are the mean darkness of the left, middle and right third; it counts the images that it gets."""

    def __init__(self):
        super().__init__()
        self.num_images = 0

    def forward(self, images):
        self.num_images += len(images)
        return torch.stack([-9 * part.mean(dim=(1, 2, 3)) for part in images.tensor_split(3, dim=3)], dim=1)


class Noise(PageDataset):
    """Pages of noise, which no view leaves as they are; it counts how often each was made."""

    def __init__(self):
        self.pages = np.random.default_rng(0).integers(0, 256, (NUM_PAGES, SIZE, SIZE, 3)).astype(np.uint8)
        self.made = np.zeros(NUM_PAGES, dtype=int)

    def __len__(self):
        return NUM_PAGES

    def __getitem__(self, index):
        self.made[index] += 1
        return self.pages[index], -1, index, -1


@pytest.fixture
def noise():
    return Noise()


@pytest.fixture
def predictions(noise):
    return ViewPredictions(Classifier(Thirds(), CARD), noise, CPU, "predicting")


def expected(noise, names, space="probability"):
    classifier = Classifier(Thirds(), CARD)
    return mean_probabilities(classifier, torch.from_numpy(noise.pages), names, space).numpy()


@pytest.mark.parametrize("space", ["probability", "logit"])
def test_the_mean_of_views_is_that_of_prediction(noise, space):
    classifier = Classifier(Thirds(), replace(CARD, tta_space=space))
    found = ViewPredictions(classifier, noise, CPU, "predicting")
    assert np.allclose(found.mean(VIEWS), expected(noise, VIEWS, space), atol=1e-6)
    assert np.allclose(found.probabilities("scale_90"), expected(noise, ["scale_90"]), atol=1e-6)


def test_no_page_is_predicted_twice_by_the_same_view(noise, predictions):
    network = predictions.classifier.network
    rows = np.array([5, 2])
    assert predictions.missing(("identity", "transpose"), rows) == 4
    some = predictions.mean(("identity", "transpose"), rows)
    made = noise.made.copy()
    assert made.tolist() == [0, 0, 1, 0, 0, 1, 0], "other pages are not even made"
    assert network.num_images == 4
    whole = predictions.mean(("identity",))
    assert network.num_images == 4 + NUM_PAGES - 2
    assert predictions.missing(("identity",)) == 0
    assert predictions.mean(("identity", "transpose"), rows).tobytes() == some.tobytes()
    assert network.num_images == 4 + NUM_PAGES - 2
    assert np.allclose(whole, expected(noise, ["identity"]), atol=1e-6)
    assert np.allclose(some, expected(noise, ["identity", "transpose"])[rows], atol=1e-6)


def test_views_that_leave_a_page_alike_are_predicted_once():
    level = np.full((SIZE, SIZE, 3), 255, dtype=np.uint8)
    level[8:10, 4:28] = 0  # no noise to remove, and too little print to find a skew
    level[14:16, 4:20] = 0
    found = {names[0]: names for _, names in distinct_views(level, VIEWS[:7] + VIEWS[9:])}
    assert "denoised" in found["identity"]
    assert {name for names in found.values() for name in names} == {*VIEWS[:7], *VIEWS[9:]}
    assert len(found) < len(VIEWS) - 3
    echo = Classifier(Thirds(), CARD)
    for image, names in distinct_views(level, VIEWS[:7] + VIEWS[9:]):
        own = echo(echo.prepare(torch.from_numpy(np.ascontiguousarray(image))[None]))
        for name in names:
            assert torch.allclose(own, view_logits(echo, torch.from_numpy(level)[None], name)), name


def test_moved_pixels_are_the_images_that_tensors_give(noise):
    classifier, page = Classifier(Thirds(), CARD), noise.pages[0]
    for image, names in distinct_views(page, VIEWS[:7] + VIEWS[9:]):
        own = classifier(classifier.prepare(torch.from_numpy(np.ascontiguousarray(image))[None]))
        for name in names:
            assert torch.allclose(own, view_logits(classifier, torch.from_numpy(page)[None], name)), name


@pytest.mark.parametrize("num_workers", [0, 1])
def test_an_error_of_a_page_reaches_the_caller(num_workers):
    class Broken(Noise):
        def __getitem__(self, index):
            if index == 5:
                raise ValueError("page 5 is broken")
            return super().__getitem__(index)

    found = ViewPredictions(Classifier(Thirds(), CARD), Broken(), replace(CPU, num_workers=num_workers), "predicting")
    with pytest.raises(ValueError, match="page 5 is broken"):
        found.mean(("identity",))


def test_a_line_is_printed_for_each_part_where_there_is_no_terminal(predictions, capsys):
    predictions.mean(("identity", "transpose"))
    assert capsys.readouterr().err == f"predicting: {2 * NUM_PAGES} predictions, 0 s\n"
