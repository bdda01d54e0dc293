"""Wrong labels, confused classes, odd pages, and what changed since a run."""

from dataclasses import replace

import numpy as np
import pandas as pd

from munseo._data.class_match import match_classes
from munseo._doctor.embeddings import Embedding
from munseo._doctor.held_out_probabilities import held_out_probabilities
from munseo._doctor.issue import PageEvidence
from munseo._doctor.label_errors import find_changes, find_confused_classes, find_label_errors, find_odd_pages
from munseo._randomness import generator
from munseo._run import RunFolder

NAMES = ("letter", "form", "receipt")


def clusters(num_each, spread=0.7):
    """Return points of three classes around three directions."""
    rng = generator(3, "doctor-test-points")
    labels = np.repeat(np.arange(3), num_each)
    return rng.normal(0, 1, (3, 64))[labels] + rng.normal(0, spread, (3 * num_each, 64)), labels


def held_out(points, pages, groups=None):
    """Return probabilities of pages without copies, or with the groups given."""
    groups = np.arange(len(pages)) if groups is None else groups
    return held_out_probabilities(Embedding(points, np.arange(len(pages))), pages, groups, 3, None, None, 0)


def judged(pages, probabilities):
    """Return the evidence about labelled pages."""
    return PageEvidence(pages, NAMES, labelled=pages, probabilities=probabilities)


def test_wrong_labels_are_found_by_models_that_have_not_seen_them(unread):
    points, labels = clusters(40)
    given = labels.copy()
    given[[0, 50, 100]] = [1, 2, 0]
    pages = unread(given)
    probabilities = held_out(points, pages)
    found = find_label_errors(judged(pages, probabilities))
    assert {issue.page.id for issue in found[:3]} == {"0.jpg", "50.jpg", "100.jpg"}
    assert {issue.page.id: issue.suggested for issue in found[:3]} == {"0.jpg": 0, "50.jpg": 1, "100.jpg": 2}
    assert len(found) <= 5, "sound labels are left alone"


def test_copies_do_not_vouch_for_each_others_label(unread):
    points, labels = clusters(40)
    given, groups = labels.copy(), np.arange(120)
    copies = np.arange(12)  # one letter twelve times, always called a receipt
    points[copies], given[copies], groups[copies] = points[0], 2, 0
    pages = unread(given)
    assert held_out(points, pages)[copies].argmax(axis=1).tolist() == [2] * 12, "seen among them, the label is learned"
    assert held_out(points, pages, groups)[copies].argmax(axis=1).tolist() == [0] * 12


def test_classes_without_pages_and_classes_of_one_page(unread):
    points, labels = clusters(20)
    few = np.flatnonzero(labels < 2)
    pages = unread(labels[few])
    probabilities = held_out(points[few], pages)
    assert find_label_errors(judged(pages, probabilities)) == []


def test_the_only_page_of_a_class_is_not_judged(unread):
    points, labels = clusters(20)
    given = np.where(np.arange(60) == 59, 2, np.minimum(labels, 1))
    points[40:59] = points[20:39]
    pages = unread(given)
    probabilities = held_out(points, pages)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert "59.jpg" not in {issue.page.id for issue in find_label_errors(judged(pages, probabilities))}
    for few in ([0], [0, 0, 0], [0, 1], [0, 1, 2]):
        assert find_label_errors(judged(unread(few), held_out(points[: len(few)], unread(few)))) == []


def test_confused_classes(unread):
    labels = np.repeat([0, 1, 2], 20)
    probabilities = np.eye(3)[labels]
    probabilities[:8] = [0, 1, 0]  # eight letters are taken for forms
    (issue,) = find_confused_classes(judged(unread(labels), probabilities))
    assert issue.classes == (0, 1)
    assert issue.score == 8 / 40
    assert find_confused_classes(judged(unread(labels), np.eye(3)[labels])) == []


def test_odd_pages(unread):
    def odd(points, labels):
        return [
            issue.page.id for issue in find_odd_pages(PageEvidence((), NAMES, labelled=unread(labels), points=points))
        ]

    points, labels = clusters(30)
    points[7] *= -1
    assert odd(points, labels)[0] == "7.jpg"
    assert "7.jpg" not in odd(*clusters(30))


def test_changes_since_a_run(unread, tmp_path):
    run = RunFolder(tmp_path)
    before = pd.DataFrame({
        "ID": ["0.jpg", "1.jpg", "gone.jpg", "3.jpg", "4.jpg", "5.jpg"],
        "part": ["train", "val", "train", "skipped", "train", "test"],
        "target": pd.array([0, 2, 1, 1, 1, None], "Int64"),
        "sha256": ["a", "a", "a", None, "other", "a"],
    })  # fmt: skip
    before.to_parquet(run.pages_file)
    now = [replace(page, file_sha256="a") for page in unread([0, 1, 1, 1, 1])]
    issues = find_changes(PageEvidence(now, NAMES, run=run, match=match_classes(NAMES, NAMES, NAMES, NAMES)))
    assert [(issue.page and issue.page.id, str(issue.detail)) for issue in issues] == [
        ("1.jpg", "receipt when the run was trained, form now"),
        ("2.jpg", "new since the run"),
        ("4.jpg", "not the same file as when the run was trained"),
        (None, "gone.jpg: was there when the run was trained, and is gone"),
    ]


def test_a_run_that_numbers_the_classes_otherwise_is_read_by_their_names(unread, tmp_path):
    run, order = RunFolder(tmp_path), [2, 0, 1]  # the run's first class is the third one of the data
    run_names = [NAMES[label] for label in order]
    match = match_classes(run_names, run_names, NAMES, NAMES)
    pages = unread([0, 1, 2])
    labels = [run_names.index(NAMES[page.label]) for page in pages]
    table = pd.DataFrame({"ID": [page.id for page in pages], "target": labels})
    table.assign(part="val", sha256=None).to_parquet(run.pages_file)
    assert find_changes(PageEvidence(pages, NAMES, run=run, match=match)) == []
    sure = np.full((3, 3), 0.1) + 0.7 * np.eye(3)[labels]
    table[["p_0", "p_1", "p_2"]] = sure
    table.to_parquet(run.val_predictions_file)
    points, alone = np.zeros((3, 4)), np.arange(3)
    rows = held_out_probabilities(Embedding(points, alone), pages, alone, 3, run, match, 0)
    assert rows.argmax(axis=1).tolist() == [page.label for page in pages]


def test_the_mean_of_the_folds_judges_the_pages_that_no_fold_used(unread, tmp_path):
    points, labels = clusters(20)
    pages = unread(labels)
    run = RunFolder(tmp_path / "folds")
    (run.path / "fold0").mkdir(parents=True)
    for folder in (run.path, run.path / "fold0"):
        (folder / "config.yaml").write_text("{}\n", encoding="utf-8")

    def table(chosen, probabilities):
        rows = pd.DataFrame([probabilities] * len(chosen), columns=["p_0", "p_1", "p_2"])
        return rows.assign(ID=[page.id for page in chosen], target=0)

    run.write_table(run.val_predictions_file, table(pages[:50], [0.2, 0.3, 0.5]).assign(fold=0))
    both = [table(pages[50:], [0.9, 0.1, 0.0]).assign(fold=0), table(pages[50:], [0.3, 0.5, 0.2]).assign(fold=1)]
    run.write_table(run.held_out_predictions_file, pd.concat(both))
    match = match_classes(NAMES, NAMES, NAMES, NAMES)
    groups = np.arange(60)
    found = held_out_probabilities(Embedding(points, groups), pages, groups, 3, run, match, 0)
    assert (found[:50].argsort(axis=1) == [0, 1, 2]).all()
    assert (found[50:].argsort(axis=1) == [2, 1, 0]).all(), "the mean of both folds, not the second one"
