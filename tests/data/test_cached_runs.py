"""A run gets the same pages with and without the cache of decoded pages."""

import pickle

import numpy as np
import pytest

from munseo._augment import COMPETITION
from munseo._config import Config, load_config
from munseo._data.cache.cached_page import CachedPage
from munseo._errors import UserError
from munseo._prediction.loader import InferencePages
from munseo._prediction.shifted_pages import ShiftedPages
from munseo._training.training_data import collect, make_splits
from munseo._training.training_pages import TrainingPages


@pytest.fixture
def collected(documents, tmp_path):
    """The pages of a tiny run, and its configuration."""

    def make(cache):
        values = {
            "data_dir": documents,
            "image_size": 64,
            "val_split_ratio": 0.25,
            "augmentation_level": "strong",
            "class_imbalance": {"aug_class": [1], "max_samples": 6},
            "progressive_resizing": [{"from_epoch": 0, "image_size": 32}, {"from_epoch": 2, "image_size": 64}],
            "cache": cache,
        }
        config = Config.model_validate(values)
        return config, collect(config)

    return make


def datasets(config, collection):
    parts = make_splits(config, collection, COMPETITION)[0]
    training = TrainingPages(parts.train, parts.samples, parts.plan, config)
    draws = [(epoch, place) for epoch in (0, 2) for place in range(0, len(training), 3)] + [(2, len(training) - 1)]
    clean, shifted = InferencePages(parts.val, 64, "deskew"), ShiftedPages(parts.val, 64, COMPETITION, 2)
    return (training, draws), (clean, range(len(clean))), (shifted, range(len(shifted)))


def test_every_item_is_the_same_with_and_without(collected, tmp_path):
    without, within = datasets(*collected(False)), datasets(*collected(str(tmp_path / "cache")))
    for (plain, draws), (cached, _) in zip(without, within, strict=True):
        assert all(type(page) is CachedPage and len(page.places) == 2 for page in cached.pages)
        assert not any(isinstance(page, CachedPage) for page in plain.pages)
        sent = pickle.loads(pickle.dumps(cached))  # as a worker gets it
        for draw in draws:
            expected = plain[draw]
            for found in (cached[draw], sent[draw]):
                assert np.array_equal(found[0], expected[0]), draw
                assert found[1:] == expected[1:]


def test_the_second_run_and_its_folds_find_the_pages_of_the_first(collected, tmp_path, capsys):
    collected(str(tmp_path / "cache"))
    capsys.readouterr()
    config, collection = collected(str(tmp_path / "cache"))
    told = capsys.readouterr().err
    assert "of 72 pages at 32 px 72 were there, 0 are new" in told
    assert "of 72 pages at 64 px 72 were there, 0 are new" in told
    folds = make_splits(config.model_copy(update={"n_folds": 3}), collection, COMPETITION)
    assert all(isinstance(page, CachedPage) for parts in folds for page in (*parts.train, *parts.val))
    assert not any(isinstance(page, CachedPage) for page in collection.pages.test), "they are decoded once"


def test_the_user_folder_is_where_the_environment_says(collected, tmp_path, monkeypatch):
    monkeypatch.setenv("MUNSEO_CACHE", str(tmp_path / "own"))
    collected("auto")
    assert len(list((tmp_path / "own").glob("pages-*/*/*.pages"))) == 2


def test_words_of_the_configuration(plain_config):
    for word, value in {"off": False, "false": False, "on": True, "auto": "auto", "/tmp/pages": "/tmp/pages"}.items():
        assert load_config(plain_config, [f"cache={word}"]).cache == value
    for wrong in ("3", "''"):
        with pytest.raises(UserError, match=r"cache: .* is not allowed"):
            load_config(plain_config, [f"cache={wrong}"])
