"""Validation pages of one group are recognised, in runs, folds, ensembles and runs that recorded none."""

import numpy as np
import pandas as pd
import pytest

from munseo._errors import UserError
from munseo._evaluation.held_out_groups import page_groups
from munseo._run import RunFolder


def write_pages(path, rows, columns=("ID", "part", "target", "sha256", "group")) -> RunFolder:
    """A folder with only ``pages.parquet`` and an empty ``config.yaml``."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.yaml").write_text("{}\n", encoding="utf-8")
    table = pd.DataFrame([(*row[:2], 0, "aa", *row[2:]) for row in rows], columns=list(columns))
    table.to_parquet(path / "pages.parquet", index=False)
    return RunFolder(path)


def test_pages_of_one_number_are_one_group_and_draws_are_too(tmp_path):
    rows = [("a", "val", 7), ("b", "train", 2), ("c", "val", None), ("d", "val", 7), ("e", "test", 7), ("f", "val", 1)]
    run = write_pages(tmp_path / "run", rows)
    assert page_groups(run, ["d", "c", "a", "f", "d", "c"]).tolist() == [0, 1, 0, 2, 0, 1]
    assert page_groups(run, ["e", "a", "unknown", "unknown too"]).tolist() == [0, 1, 2, 3]
    assert page_groups(run, []).tolist() == []


def test_runs_without_groups_have_single_pages(tmp_path):
    old = write_pages(tmp_path / "old", [("a", "val"), ("b", "val")], ("ID", "part", "target", "sha256"))
    assert page_groups(old, ["b", "a", "b"]).tolist() == [0, 1, 0]
    assert page_groups(RunFolder(tmp_path / "none"), ["b", "a"]).tolist() == [0, 1]


def test_a_fixed_validation_page_with_the_name_of_a_train_page_has_its_own_group(tmp_path):
    rows = [("a", "val", 5), ("b", "val", 5), ("a", "train", 1), ("c", "val", 1)]
    assert page_groups(write_pages(tmp_path / "run", rows), ["a", "b", "c"]).tolist() == [0, 0, 1]


def test_groups_of_members_are_joined(tmp_path):
    """One member knows that a and b belong together, the other b and c: all three are one."""
    write_pages(tmp_path / "both" / "members" / "0", [("a", "val", 0), ("b", "val", 0), ("c", "val", 2)])
    write_pages(tmp_path / "both" / "members" / "1", [("a", "val", 0), ("b", "val", 1), ("c", "val", 1)])
    assert page_groups(RunFolder(tmp_path / "both"), ["a", "d", "b", "c"]).tolist() == [0, 1, 0, 0]


def test_a_damaged_column_is_named(tmp_path):
    run = write_pages(tmp_path / "run", [("a", "val", "seven")])
    with pytest.raises(UserError, match=r"pages\.parquet: a damaged parquet file"):
        page_groups(run, ["a"])


def test_the_order_of_many_pages_is_kept(tmp_path):
    ids = [f"p{number}" for number in np.random.default_rng(0).permutation(500)]
    run = write_pages(tmp_path / "run", [(page, "val", int(page[1:]) // 10) for page in ids])
    groups = page_groups(run, ids)
    tens = np.array([int(page[1:]) // 10 for page in ids])
    assert ((groups[:, None] == groups) == (tens[:, None] == tens)).all()
    assert groups.max() == 49
