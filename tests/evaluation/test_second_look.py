"""Views are weighed honestly, and a second look is chosen where it helps."""

import numpy as np
import pandas as pd
import pytest

from munseo._evaluation.comparison import paired_bootstrap
from munseo._evaluation.metrics import macro_f1, macro_f1_interval
from munseo._evaluation.second_look import SecondLook, choose_second_look, cross_fit, second_predictions
from munseo._evaluation.view_gains import weigh_views
from munseo._prediction.tta import VIEWS
from munseo._randomness import generator

NUM_PAGES, NUM_CLASSES = 300, 4


def simulate(stream, strength):
    """Probabilities (N, K) that know the truth by ``strength``, and the truth."""
    labels = generator(0, "labels").integers(NUM_CLASSES, size=NUM_PAGES)
    logits = generator(0, stream).normal(size=(NUM_PAGES, NUM_CLASSES))
    logits[np.arange(NUM_PAGES), labels] += strength
    powers = np.exp(logits)
    return labels, (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def view_table(strengths):
    tables = []
    for name, strength in strengths.items():
        labels, rows = simulate(name, strength)
        table = pd.DataFrame(rows, columns=[f"p_{k}" for k in range(NUM_CLASSES)])
        tables.append(table.assign(ID=[f"v{n}" for n in range(NUM_PAGES)], target=labels, view=name))
    return pd.concat(tables).sample(frac=1, random_state=0)  # the order of rows must not count


def test_views_that_help_and_hurt_are_told_apart():
    strengths = {"identity": 1.5, "flip_horizontal": 1.5, "rotate_90": -1.0}
    found = weigh_views(view_table(strengths), NUM_CLASSES, ["identity", "flip_horizontal"], "probability")
    verdicts = {row["view"]: row["verdict"] for row in found["rows"]}
    assert verdicts == {"flip_horizontal": "helps", "rotate_90": "hurts"}
    flipped = next(row for row in found["rows"] if row["view"] == "flip_horizontal")
    assert flipped["with_identity"] == pytest.approx(found["base"] + flipped["gain"])
    assert found["configured_macro_f1"] == pytest.approx(flipped["with_identity"])
    assert flipped["interval"][0] <= flipped["gain"] <= flipped["interval"][1]


def test_a_view_equal_to_the_page_changes_nothing():
    table = view_table({"identity": 1.0})
    both = pd.concat([table, table.assign(view="flip_vertical")])
    row = weigh_views(both, NUM_CLASSES, ["identity"], "logit")["rows"][0]
    assert row["gain"] == 0
    assert row["verdict"] == "unclear"


def test_a_second_look_is_chosen_where_other_views_know_more():
    labels, first = simulate("first", 1.0)
    views = {name: simulate(name, 3.0)[1] for name in VIEWS}
    look = choose_second_look(labels, first, views, "probability", seed=0)
    assert look["interval"][0] > 0
    assert look["after"] == pytest.approx(look["before"] + look["gain"])
    assert look["share"] == pytest.approx(0.5, abs=0.02)
    assert look["gate"] == pytest.approx(np.quantile(first.max(axis=1), 0.5), abs=1e-6)


def test_the_stated_gain_is_not_that_of_the_best_of_many_tries():
    gains = []
    for number in range(12):
        labels, first = simulate(f"first {number}", 1.0)
        views = {name: simulate(f"{name} {number}", 0.0)[1] for name in VIEWS}
        gains.append(choose_second_look(labels, first, views, "probability", seed=0)["gain"])
    assert np.mean(gains) < 0.004, "views that know nothing gain nothing, though some candidate always looks good"


def test_the_rule_of_a_fold_does_not_know_its_pages():
    labels, first = simulate("first", 1.0)
    seconds = second_predictions({name: simulate(name, 0.0)[1] for name in VIEWS}, "probability")
    look = cross_fit(labels, first, seconds, 0, np.arange(NUM_PAGES))
    own = look.folds == 2
    changed = np.where(own, (labels + 1) % NUM_CLASSES, labels)
    again = cross_fit(changed, first, seconds, 0, np.arange(NUM_PAGES))
    assert again.rules[2] == look.rules[2]
    assert again.rules != look.rules, "the other folds chose with these pages"
    final = look.applied(first, seconds)
    assert (final != first).any(axis=1).tolist() == look.uncertain(first).tolist()


def test_the_rule_of_a_fold_does_not_know_the_groups_of_its_pages():
    labels, first = simulate("first", 1.0)
    seconds = second_predictions({name: simulate(name, 0.0)[1] for name in VIEWS}, "probability")
    groups = np.arange(NUM_PAGES) % 30
    look = cross_fit(labels, first, seconds, 0, groups)
    for group in (0, 11, 29):
        own = groups == group
        [fold] = np.unique(look.folds[own])
        again = cross_fit(np.where(own, (labels + 1) % NUM_CLASSES, labels), first, seconds, 0, groups)
        assert again.rules[fold] == look.rules[fold]


def test_only_uncertain_pages_are_blended():
    first = np.array([[0.9, 0.1], [0.55, 0.45]], np.float32)
    look = SecondLook(gate=0.6, blend=0.75, views=("identity",))
    assert look.uncertain(first).tolist() == [False, True]
    assert look.combined(first[1:], np.array([[0.1, 0.9]], np.float32))[0] == pytest.approx([0.2125, 0.7875])


def test_draws_of_one_page_count_as_one_page():
    labels, rows = simulate("first", 1.0)
    predicted = rows.argmax(axis=1)
    single = macro_f1_interval(labels, predicted, NUM_CLASSES)
    twice = macro_f1_interval(np.tile(labels, 2), np.tile(predicted, 2), NUM_CLASSES, np.tile(np.arange(NUM_PAGES), 2))
    assert twice == pytest.approx(single, abs=0.01), "a copy of every page tells nothing new"
    other = simulate("other", 1.2)[1].argmax(axis=1)
    once = paired_bootstrap(labels, other, predicted, NUM_CLASSES)
    copied = paired_bootstrap(
        np.tile(labels, 2),
        np.tile(other, 2),
        np.tile(predicted, 2),
        NUM_CLASSES,
        groups=np.tile(np.arange(NUM_PAGES), 2),
    )
    assert copied.value == pytest.approx(once.value)
    assert copied.value == pytest.approx(
        macro_f1(labels, other, NUM_CLASSES) - macro_f1(labels, predicted, NUM_CLASSES)
    )
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=0.1)
