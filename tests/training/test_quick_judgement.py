"""Quick judging: clear damages and views are left early, and what is stated about them is the truth on those pages."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from munseo._config import Config
from munseo._data import Page
from munseo._evaluation.judgement import judge_views
from munseo._evaluation.robustness import robustness_profile
from munseo._evaluation.view_gains import BASE, by_view, weigh_quickly, weigh_views
from munseo._model import Classifier, ModelCard
from munseo._prediction import InferenceSetup
from munseo._prediction.loader import PageDataset
from munseo._prediction.view_predictions import ViewPredictions
from munseo._run import RunFolder
from munseo._training.quick_judgement import BLOCK, quick_damages, quick_views
from munseo._training.validation import prediction_table

NUM_PAGES, SIZE = 120, 12
CARD = ModelCard("x", ("left", "right"), ("0", "1"), SIZE, (0.5,) * 3, (0.5,) * 3)
CPU = InferenceSetup(torch.device("cpu"), batch_size=50)
PAGES = [Page(f"page{number:03}", Path("none.jpg"), number % 2) for number in range(NUM_PAGES)]
CELLS = [("mirror", 1.0), ("noise", 1 / 3), ("noise", 1.0), ("jpeg", 1.0)]


class DarkSide(torch.nn.Module):
    """Says on which side a page is dark."""

    def forward(self, images):
        left, right = images.tensor_split(2, dim=3)
        return torch.stack([-left.mean(dim=(1, 2, 3)), -right.mean(dim=(1, 2, 3))], dim=1)


class Sides(PageDataset):
    """Pages that are dark on the side of their label; in the first cell, ``mirror``, on the other one."""

    def __init__(self, num_cells):
        self.num_cells = num_cells

    def __len__(self):
        return self.num_cells * NUM_PAGES

    def __getitem__(self, number):
        cell, index = divmod(number, NUM_PAGES)
        label = PAGES[index].label
        page = np.full((SIZE, SIZE, 3), 255, np.uint8)
        dark = label if cell or self.num_cells == 1 else 1 - label
        page[:, dark * SIZE // 2 : (dark + 1) * SIZE // 2] = index
        return page, label, index, -1


def sides(num_cells):
    return ViewPredictions(Classifier(DarkSide(), CARD), Sides(num_cells), CPU, "judging")


@pytest.fixture(scope="module")
def damages():
    groups = np.arange(NUM_PAGES) // 2  # two copies of each page
    labels = np.array([page.label for page in PAGES])
    return quick_damages(sides(len(CELLS)), CELLS, PAGES, labels, groups), groups


def test_a_ruinous_damage_is_left_after_a_few_pages(damages):
    judged, groups = damages
    assert BLOCK <= len(judged["mirror"]) <= 3 * BLOCK < len(judged["noise"]) == len(judged["jpeg"])
    for seen in judged.values():
        assert len(set(seen.tolist())) == len(seen)
        assert all((np.bincount(groups[seen], minlength=NUM_PAGES // 2) % 2) == 0), "no group is cut"


def table_of(predictions, judged):
    rows = {name: np.arange(number * NUM_PAGES, (number + 1) * NUM_PAGES) for number, (name, _) in enumerate(CELLS)}
    tables = []
    for number, (name, severity) in enumerate(CELLS):
        rows = number * NUM_PAGES + judged[name]
        pages = [PAGES[index] for index in judged[name].tolist()]
        table = prediction_table(pages, predictions.probabilities("identity", rows))
        tables.append(table.assign(damage=name, severity=severity))
    return pd.concat(tables, ignore_index=True)


def test_the_profile_says_how_many_pages_were_judged(damages):
    judged, groups = damages
    clean = prediction_table(PAGES, sides(1).probabilities("identity"))
    profile = robustness_profile(table_of(sides(len(CELLS)), judged), clean, CARD.class_names, groups)
    rows = {row["damage"]: row for row in profile["damages"]}
    assert rows["mirror"]["num_pages"] == len(judged["mirror"])
    assert rows["mirror"]["stopped_early"]
    assert rows["mirror"]["macro_f1"] == [0.0]
    assert rows["mirror"]["clean"] == 1.0
    [(low, high)] = rows["mirror"]["accuracy_changes"]
    assert low == -1
    assert high < -0.05
    assert len(rows["noise"]["accuracy_changes"]) == 2
    full = robustness_profile(
        table_of(sides(len(CELLS)), dict.fromkeys(judged, np.arange(NUM_PAGES))), clean, CARD.class_names
    )
    assert "num_pages" not in full["damages"][0], "in full, nothing is added to the results"


@pytest.fixture(scope="module")
def views():
    """The table of views of which each was judged quickly."""
    names, groups = (BASE, "flip_horizontal", "flip_vertical", "rotate_180"), np.arange(NUM_PAGES)
    predictions = sides(1)
    judged = quick_views(predictions, names, PAGES, groups)
    tables = [
        prediction_table([PAGES[index] for index in rows.tolist()], predictions.probabilities(name, rows)).assign(
            view=name
        )
        for name, rows in judged.items()
    ]
    return judged, pd.concat(tables, ignore_index=True), groups


def test_a_view_is_left_when_its_effect_is_certain(views):
    judged, table, groups = views
    assert len(judged[BASE]) == NUM_PAGES
    rows = {row["view"]: row for row in weigh_quickly(table, 2, "probability", groups)}
    assert BASE not in rows
    # Averaged with its mirror image a page is dark on both sides alike, and class 0 wins the tie.
    assert rows["flip_horizontal"]["verdict"] == rows["rotate_180"]["verdict"] == "hurts"
    assert rows["flip_vertical"]["verdict"] == "unclear"
    for name, row in rows.items():
        assert row["num_pages"] == len(judged[name])
        assert row["stopped_early"] == (len(judged[name]) < NUM_PAGES)
    assert rows["flip_horizontal"]["stopped_early"]


def test_partial_views_are_left_out_where_all_pages_are_needed(views):
    _, table, _ = views
    _, rows = by_view(table, 2)
    assert "flip_horizontal" not in rows
    complete = table[table["view"].isin(rows)]
    assert weigh_views(complete, 2, [BASE], "probability")["base"] == 1.0


def test_a_run_whose_other_views_were_all_left_early_is_judged_without_a_second_look(tmp_path):
    """Otherwise training ended with an error after its last epoch."""
    config = Config(judging="quick", TTA=False)
    whole = prediction_table(PAGES, np.tile(np.float32([0.7, 0.3]), (NUM_PAGES, 1))).assign(view=BASE)
    part = prediction_table(PAGES[:10], np.tile(np.float32([0.7, 0.3]), (10, 1))).assign(view="rotate_90")
    entries = judge_views(RunFolder(tmp_path), pd.concat([whole, part], ignore_index=True), CARD, config)
    assert list(entries) == ["views"]
    assert [row["view"] for row in entries["views"]["rows"]] == ["rotate_90"]
