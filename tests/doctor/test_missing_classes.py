"""Pages of a kind that no label names."""

from dataclasses import replace

import numpy as np
import pytest

from munseo._doctor.issue import PageEvidence
from munseo._doctor.missing_classes import find_groups, find_missing_classes
from munseo._randomness import generator

NAMES = ("a", "b", "c", "d", "e")


def pages_of_five_kinds(num_each=40, spread=0.9):
    """Return points around five directions, and their kinds."""
    rng = generator(5, "missing-class-points")
    kinds = np.repeat(np.arange(5), num_each)
    return rng.normal(0, 1, (5, 48))[kinds] + rng.normal(0, spread, (len(kinds), 48)), kinds


def hide_last(kinds, rightly=0):
    """Return labels in which the last kind is spread over the others; ``rightly`` pages keep it."""
    hidden = np.flatnonzero(kinds == 4)
    labels = kinds.copy()
    labels[hidden] = np.arange(len(hidden)) % 4
    labels[hidden[:rightly]] = 4
    return labels, hidden


def test_a_kind_that_was_spread_over_the_classes_is_a_group():
    points, kinds = pages_of_five_kinds()
    labels, hidden = hide_last(kinds)
    (group,) = find_groups(points, labels, np.arange(200))
    members = set(np.flatnonzero(group.members))
    assert len(members & set(hidden)) >= 36
    assert len(members - set(hidden)) <= 4
    assert group.known[hidden].mean() > 0.7 > 0.3 > group.known[kinds < 4].mean()


@pytest.mark.parametrize("rate", [0.0, 0.06])
def test_right_labels_and_scattered_errors_are_no_group(rate):
    points, kinds = pages_of_five_kinds()
    rng = generator(1, "missing-class-noise")
    wrong = rng.choice(200, round(rate * 200), replace=False)
    labels = kinds.copy()
    labels[wrong] = (labels[wrong] + rng.integers(1, 5, len(wrong))) % 5
    assert find_groups(points, labels, np.arange(200)) == []


def test_two_classes_that_nobody_can_tell_apart_are_no_group():
    points, kinds = pages_of_five_kinds()
    mixed = np.where(kinds >= 3, 3 + np.arange(200) % 2, kinds)
    assert find_groups(points, mixed, np.arange(200)) == []


def test_copies_of_one_page_are_no_group():
    points, kinds = pages_of_five_kinds()
    labels, hidden = hide_last(kinds)
    copies = np.arange(200)
    points[hidden], copies[hidden] = points[hidden[0]], hidden[0]
    assert find_groups(points, labels, copies) == []


def evidence_of(unread, labels, points, probabilities=None, ink=0.05):
    pages = [replace(page, ink=ink) for page in unread(labels)]
    if probabilities is None:
        probabilities = np.full((len(labels), 5), 0.2)
    return PageEvidence(pages, NAMES, labelled=pages, points=points, probabilities=probabilities)


def test_the_pages_of_a_group_are_issues_the_clearest_first(unread):
    points, kinds = pages_of_five_kinds()
    labels, hidden = hide_last(kinds)
    issues = find_missing_classes(evidence_of(unread, labels, points))
    assert {issue.group for issue in issues} == {1}
    assert {issue.kind for issue in issues} == {"missing_class"}
    assert {issue.suggested for issue in issues} == {None}
    assert {int(issue.page.id.removesuffix(".jpg")) for issue in issues[:30]} <= set(hidden)
    scores = [issue.score for issue in issues]
    assert scores == sorted(scores, reverse=True)
    assert str(issues[0].detail) == f"group 1: {len(issues)} pages that are alike and fit no class"


def test_blank_pages_are_no_class(unread):
    points, kinds = pages_of_five_kinds()
    labels, _ = hide_last(kinds)
    assert find_missing_classes(evidence_of(unread, labels, points, ink=0.0)) == []


def test_a_run_names_the_class_that_no_label_names(unread):
    """Confident learning leaves a class without labels out: none of these forty pages was reported."""
    points, kinds = pages_of_five_kinds(spread=3.0)
    probabilities = np.full((200, 5), 0.02)
    probabilities[np.arange(200), kinds] = 0.92
    labels, hidden = hide_last(kinds)
    issues = find_missing_classes(evidence_of(unread, labels, points, probabilities))
    assert {int(issue.page.id.removesuffix(".jpg")) for issue in issues} == set(hidden)
    assert {issue.suggested for issue in issues} == {4}
    assert "look like e, which no page is labelled with" in str(issues[0].detail)


def test_too_few_pages_are_not_searched(unread):
    points, kinds = pages_of_five_kinds(num_each=10)
    assert find_groups(points, kinds, np.arange(50)) == []
    assert find_missing_classes(PageEvidence((), NAMES)) == []
