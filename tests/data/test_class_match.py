"""Classes of a data folder are matched with those of a run by name."""

from munseo._data.class_match import match_classes


def match(run, data):
    """Match classes that are given as ``{target: name}``, or as names alone."""
    (run_targets, run_names), (data_targets, data_names) = (
        (tuple(classes), tuple(classes.values())) if isinstance(classes, dict) else (tuple(classes), tuple(classes))
        for classes in (run, data)
    )
    return match_classes(run_names, run_targets, data_names, data_targets)


def test_a_missing_class_does_not_move_the_others():
    found = match(["advertisement", "email", "letter"], ["email", "letter"])
    assert found.indices == (1, 2)
    assert found.unknown == ()
    assert found.absent == ("advertisement",)
    assert not found.is_same


def test_a_class_that_sorts_first_is_unknown_and_moves_nothing():
    found = match(["advertisement", "email"], ["aa_bank_form", "advertisement", "email"])
    assert found.indices == (None, 0, 1)
    assert found.unknown == ("aa_bank_form",)
    assert found.absent == ()
    assert [found.run_label(label) for label in (None, 0, 1, 2)] == [None, None, 0, 1]


def test_another_order_is_the_same_set_and_is_translated_both_ways():
    found = match({"0": "letter", "1": "email", "2": "form"}, {"0": "form", "1": "letter", "2": "email"})
    assert found.is_same
    assert found.indices == (2, 0, 1)
    assert found.data_labels() == {2: 0, 0: 1, 1: 2}


def test_names_count_more_than_targets():
    found = match({"0": "letter", "1": "email"}, {"1": "letter", "0": "form"})
    assert found.indices == (0, None), "target 0 is another class here"
    assert found.unknown == ("form",)


def test_labels_without_names_are_targets_or_names():
    named = {"0": "letter", "1": "email"}
    assert match(named, ["1", "0"]).indices == (1, 0)
    assert match(named, ["email"]).indices == (1,)
    assert match(["1", "0"], {"0": "letter", "1": "email"}).indices == (1, 0)
    assert match(["letter", "email"], {"0": "email", "1": "letter"}).indices == (1, 0)


def test_two_classes_that_are_one_in_the_run_are_not_the_same_set():
    found = match({"0": "letter", "1": "email"}, ["0", "letter", "email"])
    assert found.indices == (0, 0, 1)
    assert not found.is_same
