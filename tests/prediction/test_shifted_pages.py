"""The second validation: fixed damage by page and draw, whatever else is in the list."""

import pytest

from munseo._augment import DAMAGES, Recipe
from munseo._data import letterbox, load_pages
from munseo._data.decoder import decode
from munseo._model import ModelCard
from munseo._prediction.shifted_pages import DamagedPages, ShiftedPages, chosen_pages, profile_cells
from munseo._shift import deskew

SIZE = 64
RECIPE = Recipe.of("harsh", mirror=(0.5, 1.0, 1.0), rotation=(0.9, 0.1, 1.0), noise=(0.9, 0.3, 0.9))
CARD = ModelCard("x", ("a", "b"), ("0", "1"), SIZE, (0.5,) * 3, (0.5,) * 3)


@pytest.fixture(scope="module")
def pages(documents):
    return load_pages(documents).train[:12]


def test_a_page_has_the_same_damage_in_any_list_and_run(pages):
    whole, part = ShiftedPages(pages, SIZE, RECIPE, 3), ShiftedPages(pages[4:6][::-1], SIZE, RECIPE, 2)
    assert len(whole) == 36
    for draw in range(2):
        image, label, index, _ = part[draw * 2]
        assert index == 0
        assert label == pages[5].label
        assert (image == whole[draw * 12 + 5][0]).all()


def test_draws_and_seeds_differ(pages):
    whole = ShiftedPages(pages, SIZE, RECIPE, 2)
    assert all((whole[place][0] != whole[12 + place][0]).any() for place in range(12))
    other = ShiftedPages(pages, SIZE, RECIPE, 1, seed=1)
    assert any((whole[place][0] != other[place][0]).any() for place in range(12))


def test_an_empty_recipe_leaves_pages_as_they_are(pages):
    clean = ShiftedPages(pages, SIZE, Recipe("none", ()), 1)
    assert (clean[3][0] == letterbox(decode(pages[3].path), SIZE)).all()


def test_levelling_comes_after_the_damage(pages):
    turned = Recipe.of("turned", rotation=(1.0, 0.1, 0.1))  # 18 degrees, one way or the other
    plain, level = (ShiftedPages(pages, 224, turned, 1, orientation) for orientation in ("as_is", "deskew"))
    assert sum((plain[place][0] != level[place][0]).any() for place in range(12)) >= 6


def test_the_profile_has_every_damage_and_only_graded_ones_by_degrees():
    cells = profile_cells()
    assert {name for name, _ in cells} == set(DAMAGES)
    assert sum(name == "mirror" for name, _ in cells) == 1
    assert [round(severity, 2) for name, severity in cells if name == "noise"] == [0.33, 0.67, 1.0]


def test_pages_for_the_profile_keep_the_proportions_and_do_not_depend_on_their_order(documents):
    pages = load_pages(documents).train
    chosen = chosen_pages(pages, 34)
    assert len(chosen) == 34
    assert {page.label for page in chosen} == {page.label for page in pages}
    assert {page.id for page in chosen_pages(pages[::-1], 34)} == {page.id for page in chosen}
    assert len(chosen_pages(pages, 10_000)) == len(pages)


def test_damaged_pages_change_with_severity_alone(pages):
    damaged = DamagedPages(pages[:2], CARD)
    assert len(damaged) == 2 * len(profile_cells())
    clean = letterbox(decode(pages[0].path), SIZE).astype(int)
    changes = [abs(damaged.image(0, "noise", severity).astype(int) - clean).mean() for severity in (1 / 3, 2 / 3, 1.0)]
    assert changes == sorted(changes)
    assert changes[0] > 0
    place = damaged.cells.index(("noise", 1.0)) * 2 + 1
    assert (damaged[place][0] == damaged.image(1, "noise", 1.0)).all()


def test_training_pages_are_levelled_after_augmentation_too(documents):
    from munseo._config import Config
    from munseo._training import collect, make_splits
    from munseo._training.training_pages import TrainingPages

    words = {"data_dir": documents, "image_size": 224, "val_split_ratio": 0.25, "augmentation_level": "none"}
    turned = {"augmentation": {"document": True}, "augmentation_probability": 1.0}
    plain, level = (Config.model_validate({**words, **turned, "orientation": o}) for o in ("as_is", "deskew"))
    parts = make_splits(plain, collect(plain))[0]
    seen, levelled = (TrainingPages(parts.train, parts.samples, parts.plan, config) for config in (plain, level))
    changed = 0
    for place in range(12):
        expected = deskew(seen[(0, place)][0])
        assert (levelled[(0, place)][0] == expected).all()
        changed += (expected != seen[(0, place)][0]).any()
    assert changed >= 6
