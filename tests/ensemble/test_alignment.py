"""Alignment of members: every mismatch of rows, classes, labels or parts is found, and the message names it."""

import numpy as np
import pytest
from simulated import NAMES, rewrite, simulate

from munseo import UserError
from munseo._ensemble import align, read_members
from munseo._evaluation import macro_f1

ORDER = [2, 0, 3, 1]


def _aligned(*paths):
    return align(read_members(paths))


def _f1(labels, rows):
    return macro_f1(labels, rows.argmax(axis=1), rows.shape[1])


def test_rows_are_joined_by_id_and_never_by_position(write_member):
    """One member has its rows in another order. Joined by position, two good members would make a bad ensemble."""
    rows, labels = simulate(200, (1.0, 1.0))
    a = write_member("a", labels, rows[0])
    b = write_member("b", labels, rows[1])
    order = np.random.default_rng(0).permutation(200)
    rewrite(b / "val_predictions.parquet", lambda table: table.iloc[order])
    aligned = _aligned(a, b)
    assert np.allclose(aligned.rows, rows, atol=1e-6)
    assert (aligned.labels == labels).all()
    assert _f1(labels, aligned.rows.mean(axis=0)) > 0.9
    assert _f1(labels, (rows[0] + rows[1][order]) / 2) < 0.8, "this is what a join by place would have given"


def test_columns_are_joined_by_class_name(write_member):
    rows, labels = simulate(200, (1.0, 1.0))
    place = {old: new for new, old in enumerate(ORDER)}
    a = write_member("a", labels, rows[0])
    b = write_member("b", [place[k] for k in labels], rows[1][:, ORDER], [NAMES[k] for k in ORDER])
    aligned = _aligned(a, b)
    assert np.allclose(aligned.rows, rows, atol=1e-6)
    assert aligned.class_names == NAMES
    assert _f1(labels, (rows[0] + rows[1][:, ORDER]) / 2) < 0.7, "this is what a join by number would have given"
    turned = _aligned(b, a)
    assert turned.class_names == tuple(NAMES[k] for k in ORDER)
    assert np.allclose(turned.rows[:, :, [place[k] for k in range(4)]], rows[::-1], atol=1e-6)


def test_different_class_lists_are_named(write_member):
    rows, labels = simulate(50, (1.0, 1.0))
    a = write_member("a", labels, rows[0])
    b = write_member("b", labels, rows[1], ["계좌번호", "영수증", "소견서", "여권"])
    with pytest.raises(UserError, match="different classes") as caught:
        _aligned(a, b)
    assert caught.value.problems == ["b: lacks class '이력서' of a", "b: has class '여권', unknown to a"]


def test_changed_labels_are_named(write_member):
    rows, labels = simulate(50, (1.0, 1.0))
    changed = labels.copy()
    changed[7] = (labels[7] + 1) % 4
    a, b = write_member("a", labels, rows[0]), write_member("b", changed, rows[1])
    with pytest.raises(UserError, match="Labels or images were changed") as caught:
        _aligned(a, b)
    assert caught.value.problems == [f"page v7 is {NAMES[labels[7]]!r} in run a but {NAMES[changed[7]]!r} in run b"]


def test_another_image_under_the_same_id_is_named(write_member):
    rows, labels = simulate(50, (1.0, 1.0))
    a = write_member("a", labels, rows[0])
    b = write_member("b", labels, rows[1], digests={"v3": "sha-other"})
    with pytest.raises(UserError, match="images were changed") as caught:
        _aligned(a, b)
    assert caught.value.problems == ["page v3 is another image in run b than in run a"]


def test_runs_of_other_splits_are_refused_with_the_pages_that_trained_the_other(write_member):
    rows, labels = simulate(60, (1.0, 1.0))
    a = write_member("a", labels, rows[0], ids=[f"v{k}" for k in range(60)], trained=["v60", "v61"])
    b = write_member("b", labels, rows[1], ids=[f"v{k}" for k in range(30, 90)], trained=["v0", "v1"])
    with pytest.raises(UserError, match="Only 30 pages validate all") as caught:
        _aligned(a, b)
    assert caught.value.problems[:4] == [
        "page v0 validates run a but trained run b",
        "page v1 validates run a but trained run b",
        "page v60 validates run b but trained run a",
        "page v61 validates run b but trained run a",
    ]
    assert "page v2 validates run a but not run b" in caught.value.problems


def test_enough_common_pages_are_used_and_the_others_said(write_member):
    rows, labels = simulate(200, (1.0, 1.0))
    a = write_member("a", labels, rows[0])
    b = write_member("b", labels[80:], rows[1][80:], ids=[f"v{k}" for k in range(80, 200)], trained=["v0"])
    aligned = _aligned(a, b)
    assert aligned.ids == tuple(f"v{k}" for k in range(80, 200))
    assert np.allclose(aligned.rows, rows[:, 80:], atol=1e-6)
    assert tuple(map(str, aligned.notes)) == (
        "a: 80 of its 200 validation pages are left out, because another run did not hold them out",
    )


def test_one_missing_page_does_not_forbid_a_small_set(write_member):
    rows, labels = simulate(20, (1.0, 1.0))
    a = write_member("a", labels, rows[0])
    b = write_member("b", labels[1:], rows[1][1:], ids=[f"v{k}" for k in range(1, 20)])
    assert len(_aligned(a, b).ids) == 19


def test_a_page_that_trained_one_member_under_another_name_is_refused(write_member):
    rows, labels = simulate(50, (1.0, 1.0, 1.0))
    a, c = write_member("a", labels, rows[0]), write_member("c", labels, rows[2])
    b = write_member("b", labels, rows[1], trained=["t0", "copy"], digests={"copy": "sha-v9"})
    with pytest.raises(UserError, match="trained on pages that judge") as caught:
        _aligned(a, b, c)
    assert caught.value.problems == ["page v9 validates run a but trained run b (as copy)"]


def test_a_copy_in_the_data_that_trained_all_is_left_out(write_member):
    rows, labels = simulate(50, (1.0, 1.0))
    copies = {"trained": ["copy"], "digests": {"copy": "sha-v9"}}
    a, b = write_member("a", labels, rows[0], **copies), write_member("b", labels, rows[1], **copies)
    aligned = _aligned(a, b)
    assert "v9" not in aligned.ids
    assert len(aligned.ids) == 49
    assert tuple(map(str, aligned.notes)) == (
        "left out, because copies of their images were used to train a member: 1 of 50 pages (v9)",
    )


def test_copies_in_the_data_that_folds_part_differently_are_left_out(write_member):
    """The two copies lie in one fold of a, and in two folds of b: there each one's model trained on the other."""
    rows, labels = simulate(60, (1.0, 1.0))
    labels[8] = labels[9]
    fold = np.arange(60) // 2 % 3
    a = write_member("a", labels, rows[0], fold=fold, digests={"v8": "same", "v9": "same"})
    b = write_member("b", labels, rows[1], fold=np.arange(60) % 3, digests={"v8": "same", "v9": "same"})
    assert set(range(60)) - {int(page_id[1:]) for page_id in _aligned(a, b).ids} == {8, 9}


def test_folds_hold_out_what_their_own_model_did_not_see(write_member):
    """A page of a k-fold run trains the other folds; only the fold that judges it counts."""
    rows, labels = simulate(120, (1.0, 1.0))
    fold = np.arange(120) % 3
    a = write_member("a", labels, rows[0], fold=fold)
    b = write_member("b", labels, rows[1], fold=(fold + 1) % 3)
    assert len(_aligned(a, b).ids) == 120
    single = write_member("c", labels[:110], rows[1][:110], trained=[f"v{k}" for k in range(110, 120)])
    assert len(_aligned(a, single).ids) == 110


def test_unusable_predictions_are_named(write_member):
    rows, labels = simulate(50, (1.0, 1.0))
    a, b = write_member("a", labels, rows[0]), write_member("b", labels, rows[1])

    def damage(table):
        table.loc[4, "p_1"] = np.nan
        table.loc[6, "target"] = 4
        table.loc[8, "ID"] = "v9"
        return table

    rewrite(b / "val_predictions.parquet", damage)
    with pytest.raises(UserError, match=r"b/val_predictions\.parquet: cannot be combined") as caught:
        _aligned(a, b)
    assert caught.value.problems == [
        "v9: appears twice",
        "v6: its class is not one of the model's",
        "v4: its numbers are not probabilities",
    ]
    rewrite(b / "val_predictions.parquet", lambda table: table.drop(columns="p_3"))
    with pytest.raises(UserError) as caught:
        _aligned(a, b)
    assert caught.value.problems == ["column p_3: missing"]


def test_too_few_runs_repeats_and_unfinished_ones(write_member):
    rows, labels = simulate(50, (1.0, 1.0))
    a, b = write_member("a", labels, rows[0]), write_member("b", labels, rows[1])
    with pytest.raises(UserError, match="at least two runs"):
        read_members([a])
    with pytest.raises(UserError, match="once") as caught:
        read_members([a, b, a])
    assert caught.value.problems == [f"{a}: given 2 times"]
    (b / "val_predictions.parquet").unlink()
    with pytest.raises(UserError, match=r"val_predictions\.parquet: missing; .*munseo resume"):
        read_members([a, b])
