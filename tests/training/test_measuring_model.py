"""What measures: an engine where it pays and fits, else torch in batches; and how many predictions there will be."""

from dataclasses import replace

import pytest

from munseo._config import Config
from munseo._data import load_pages
from munseo._prediction import PredictOptions, Predictor
from munseo._training import measuring_model
from munseo._training.measuring_model import Workload, measuring_models


def test_the_predictions_of_judging_are_counted(finished):
    """They are those of the tables that the run has."""
    config, card = finished.read_config(), Predictor.load(finished).card
    rows = {
        name: len(finished.read_predictions(getattr(finished, f"{name}_predictions_file")))
        for name in ("val", "shifted", "view", "damage")
    }
    workload = Workload.of(config, card, rows["val"], has_recipe=True, has_profile=True)
    assert card.tta_views == ("identity",)
    assert workload.clean == rows["val"]
    known_already = rows["val"]  # draw 0 by the view of the run is one of all views
    assert workload.measured == rows["view"] + rows["shifted"] - known_already + rows["damage"]
    assert Workload.of(config, card, 50, has_recipe=False, has_profile=True) == Workload(50, 0)
    several = replace(card, tta_views=("identity", "transpose", "scale_90"))
    assert Workload.of(Config(shifted_draws=3), several, 10, True, False) == Workload(30, 130 + 2 * 30)


@pytest.fixture
def trial(finished, documents, monkeypatch):
    """Choose what measures for the finished run."""
    run = Predictor.load(finished, PredictOptions(backend="torch")).runs[0]
    pages = load_pages(documents).train[:3]

    def choose(measured, setup=run.setup):
        return measuring_models([finished], run.classifiers, pages, setup, Workload(18, measured))[0]

    return choose


def test_an_engine_is_made_where_it_pays(finished, trial, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(measuring_model, "prepare_engine", lambda *given: asked.append(given))
    found = trial(1000)
    assert asked == [], "few small images: torch has predicted them before an engine is made"
    assert (found.backend, found.setup.images_at_once) == ("torch", measuring_model.IMAGES_AT_ONCE)
    said = capsys.readouterr().err
    assert said.startswith("judging: 1,018 predictions of pages by single views, about ")
    assert said.endswith(" s (torch)\n")
    trial(measuring_model.WORTH_AN_ENGINE // 64**2 + 1)
    [(models, pages, _)] = asked
    assert models == [finished]
    assert len(pages) == 3


def test_clean_pages_alone_need_no_engine(trial, monkeypatch):
    monkeypatch.setattr(measuring_model, "ready_engine", pytest.fail)
    monkeypatch.setattr(measuring_model, "prepare_engine", pytest.fail)
    assert trial(0).backend == "torch"
