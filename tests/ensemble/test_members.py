"""Members that were validated under the same shift: shifted pages decide, joined by ID, class and draw."""

import json

import numpy as np
import pandas as pd
import pytest
from simulated import NAMES, rewrite, simulate

from munseo import ensemble
from munseo._augment import COMPETITION, DOCUMENT
from munseo._ensemble import align, judge, read_members
from munseo._run import RunFolder
from munseo._shift.recipe_file import write_recipe

NUM_PAGES = 120


@pytest.fixture
def write_shifted(write_member):
    """A member with clean and shifted predictions; the rows of both tables stand in an order of their own."""

    def write(name, clean, draws, labels, recipe=COMPETITION, order=range(4)):
        names = [NAMES[k] for k in order]
        targets = np.array([list(order).index(label) for label in labels])
        path = write_member(name, targets, clean[:, list(order)], names=names)
        tables = []
        for draw, rows in enumerate(draws):
            table = pd.DataFrame(np.float32(rows[:, list(order)]), columns=[f"p_{k}" for k in range(4)])
            tables.append(table.assign(ID=[f"v{n}" for n in range(len(labels))], target=targets, draw=draw))
        table = pd.concat(tables).sample(frac=1, random_state=len(name))
        table.to_parquet(RunFolder(path).shifted_predictions_file, index=False)
        write_recipe(RunFolder(path), recipe)
        return path

    return write


@pytest.fixture
def parts():
    """Labels; member 0 is strong on clean pages and member 1 on shifted ones: clean, draw 0, draw 1."""
    clean, labels = simulate(NUM_PAGES, [0.5, 2.0])
    first, _ = simulate(NUM_PAGES, [3.0, 0.6])
    second, _ = simulate(NUM_PAGES, [3.5, 0.7])
    return labels, clean, first, second


def test_shifted_pages_decide(write_shifted, parts):
    labels, clean, first, second = parts
    paths = [write_shifted(f"m{k}", clean[k], [first[k], second[k]], labels) for k in range(2)]
    aligned = align(read_members(paths))
    assert aligned.shifted.shape == (2, 2, NUM_PAGES, 4)
    judgement = judge(aligned, "weights", seed=0)
    assert judgement.decided_on == "shifted"
    assert judgement.combination.weights[1] > 0.8, "the member that reads shifted pages gets the weight"
    assert judgement.best == 1
    assert judgement.probabilities.shape == (2 * NUM_PAGES, 4)
    assert judgement.clean_probabilities.shape == (NUM_PAGES, 4)


def test_another_order_of_rows_draws_and_classes_changes_nothing(write_shifted, parts):
    labels, clean, first, second = parts
    plain = [write_shifted(f"a{k}", clean[k], [first[k], second[k]], labels) for k in range(2)]
    mixed = [plain[0], write_shifted("turned", clean[1], [first[1], second[1]], labels, order=[2, 0, 3, 1])]
    rewrite(RunFolder(mixed[1]).shifted_predictions_file, lambda table: table.iloc[::-1])
    straight, turned = (align(read_members(paths)) for paths in (plain, mixed))
    assert np.array_equal(straight.shifted, turned.shifted)
    joined_by_row = (
        pd.read_parquet(RunFolder(mixed[1]).shifted_predictions_file)
        .query("draw == 0")[[f"p_{k}" for k in range(4)]]
        .to_numpy()
    )
    assert (joined_by_row.argmax(axis=1) == labels).mean() < 0.5, "a join by row would have gone unnoticed otherwise"


def test_members_under_different_shifts_are_judged_on_clean_pages(write_shifted, parts):
    labels, clean, first, second = parts
    paths = [
        write_shifted("a", clean[0], [first[0], second[0]], labels),
        write_shifted("b", clean[1], [first[1], second[1]], labels, recipe=DOCUMENT),
    ]
    aligned = align(read_members(paths))
    assert aligned.shifted is None
    assert any("not validated under the same shift" in str(note) for note in aligned.notes)
    assert judge(aligned, "weights", seed=0).decided_on == "clean"


def test_the_folder_has_both_validations_and_a_calibration(write_shifted, parts):
    labels, clean, first, second = parts
    paths = [write_shifted(f"m{k}", clean[k], [first[k], second[k]], labels) for k in range(2)]
    run = RunFolder(ensemble(paths, "blend", quiet=True))
    results = json.loads(run.results_file.read_text(encoding="utf-8"))
    assert results["ensemble"]["decided_on"] == "shifted"
    assert results["shifted"]["num_pages"] == NUM_PAGES
    assert results["shifted"]["macro_f1"] == pytest.approx(
        results["ensemble"]["candidates"][results["ensemble"]["method"]]["macro_f1"]
    )
    assert results["calibration"]["fitted_on"] == "shifted"
    assert set(results["shifted"]) >= set(results["val"])
