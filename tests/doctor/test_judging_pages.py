"""Wrong labels, confused classes, odd pages, and what changed since a run."""

import numpy as np
import pandas as pd

from munseo.doctor.changes import find_changes
from munseo.doctor.embedding import Embedding
from munseo.doctor.labels import find_confused_classes, find_label_errors
from munseo.doctor.oddities import find_odd_pages
from munseo.doctor.probabilities import held_out_probabilities
from munseo.randomness import generator
from munseo.run import RunFolder

NAMES = ("letter", "form", "receipt")


def clusters(num_each, spread=0.2):
    """Points of three classes around three directions."""
    rng = generator(3, "doctor-test-points")
    labels = np.repeat(np.arange(3), num_each)
    return np.eye(3, 16)[labels] + rng.normal(0, spread, (3 * num_each, 16)), labels


def test_wrong_labels_are_found_by_models_that_have_not_seen_them(sheets):
    points, labels = clusters(40)
    given = labels.copy()
    given[[0, 50, 100]] = [1, 2, 0]
    pages = sheets(given)
    probabilities = held_out_probabilities(Embedding(points, np.arange(120)), pages, 3, None, 0)
    found = find_label_errors(pages, probabilities, NAMES)
    assert {issue.sheet.page.id for issue in found[:3]} == {"0.jpg", "50.jpg", "100.jpg"}
    assert {issue.sheet.page.id: issue.suggested for issue in found[:3]} == {"0.jpg": 0, "50.jpg": 1, "100.jpg": 2}
    assert len(found) <= 5, "sound labels are left alone"


def test_classes_without_pages_and_classes_of_one_page(sheets):
    points, labels = clusters(20)
    few = np.flatnonzero(labels < 2)
    pages = sheets(labels[few])
    probabilities = held_out_probabilities(Embedding(points[few], np.arange(len(few))), pages, 3, None, 0)
    assert find_label_errors(pages, probabilities, NAMES) == []
    single = sheets([0] * 10 + [1])
    assert held_out_probabilities(Embedding(points[:11], np.arange(11)), single, 3, None, 0).shape == (11, 3)


def test_confused_classes(sheets):
    labels = np.repeat([0, 1, 2], 20)
    probabilities = np.eye(3)[labels]
    probabilities[:8] = [0, 1, 0]  # eight letters are taken for forms
    (issue,) = find_confused_classes(sheets(labels), probabilities, NAMES)
    assert issue.classes == (0, 1)
    assert issue.score == 8 / 40
    assert find_confused_classes(sheets(labels), np.eye(3)[labels], NAMES) == []


def test_odd_pages(sheets):
    points, labels = clusters(30, 0.05)
    points[7] = 0
    points[7, 9] = 1
    assert [issue.sheet.page.id for issue in find_odd_pages(sheets(labels), points)][0] == "7.jpg"
    tight, labels = clusters(30, 0.05)
    assert "7.jpg" not in {issue.sheet.page.id for issue in find_odd_pages(sheets(labels), tight)}


def test_changes_since_a_run(sheets, tmp_path):
    run = RunFolder(tmp_path)
    before = pd.DataFrame({"ID": ["0.jpg", "1.jpg", "gone.jpg"], "part": ["train", "val", "train"],
                           "target": [0, 2, 1], "sha256": ["", "", ""]})  # fmt: skip
    before.to_parquet(run.pages_file)
    said = [
        (issue.sheet and issue.sheet.page.id, str(issue.detail))
        for issue in find_changes(sheets([0, 1, 1]), run, NAMES)
    ]
    assert said == [
        ("1.jpg", "was receipt when the run was trained, is form now"),
        ("2.jpg", "is new since the run"),
        (None, "gone.jpg: the run had it, it is gone"),
    ]
