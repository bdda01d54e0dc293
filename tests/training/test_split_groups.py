"""Copies of a page, and pages with the same value in ``group_column``, are found and stay on one side of the split."""

from __future__ import annotations

import shutil

import cv2
import pandas as pd
import pytest

from munseo._config import Config
from munseo._errors import UserError
from munseo._training.training_data import collect, make_splits, page_table


@pytest.fixture
def planted(own_documents):
    """Of the first page a turned copy saved again, of the second the same file again; seven pages of one sender."""
    train, table = own_documents / "train", pd.read_csv(own_documents / "train.csv", dtype=str)
    first, second = table["ID"][:2]
    turned = cv2.rotate(cv2.imread(str(train / first)), cv2.ROTATE_90_CLOCKWISE)
    cv2.imwrite(str(train / "turned.jpg"), turned, [cv2.IMWRITE_JPEG_QUALITY, 60])
    shutil.copyfile(train / second, train / "again.jpg")
    table["sender"] = ["Kim" if 20 <= row < 27 else "" for row in range(len(table))]
    copies = {"ID": ["turned.jpg", "again.jpg"], "target": table["target"][:2], "sender": ""}
    pd.concat([table, pd.DataFrame(copies)]).to_csv(own_documents / "train.csv", index=False)
    return own_documents, ({first, "turned.jpg"}, {second, "again.jpg"}, set(table["ID"][20:27]))


def _groups(collection) -> list[set[str]]:
    """Groups of several pages, as IDs."""
    if collection.groups is None:
        return []
    groups = pd.Series([page.id for page in collection.pages.train]).groupby(collection.groups).agg(set)
    return [group for group in groups if len(group) > 1]


def _config(data, **changes) -> Config:
    return Config(data_dir=data, class_imbalance=None, cache=False, **changes)


@pytest.mark.parametrize(
    ("likeness", "column", "expected"),
    [
        ("near", None, (0, 1)),
        ("equal", None, (1,)),
        ("none", None, ()),
        ("none", "sender", (2,)),
        ("near", "sender", (0, 1, 2)),
    ],
)
def test_what_is_tied(planted, likeness, column, expected):
    data, groups = planted
    collection = collect(_config(data, split_by_likeness=likeness, group_column=column))
    assert sorted(map(sorted, _groups(collection))) == sorted(sorted(groups[number]) for number in expected)
    said = [note for note in collection.notes if note.startswith("split: ")]
    counts = {"near": ("other: 4", "groups: 2,", "identical files: 1,", "look the same: 1)"),
              "equal": ("other: 2", "groups: 1", "identical files: 1", "look the same: 0)")}.get(likeness)  # fmt: skip
    assert len(said) == bool(counts)
    assert all(count in said[0] for count in counts or ())


def test_no_split_parts_them(planted):
    data, groups = planted
    config = _config(data, group_column="sender", val_split_ratio=0.3)
    collection = collect(config)
    for seed in range(5):
        for changes in ({}, {"n_folds": 3}, {"stratify": False}):
            for parts in make_splits(config.model_copy(update={"random_seed": seed, **changes}), collection):
                val = {page.id for page in parts.val}
                assert all(group <= val or not group & val for group in groups)


def test_a_fixed_validation_part_is_told_what_it_shares(planted):
    data, groups = planted
    held_out_of_kim = sorted(groups[2])[:2]
    _hold_out(data, {"again.jpg", *held_out_of_kim})
    collection = collect(_config(data, group_column="sender"))
    assert collection.groups is None
    notes = "\n".join(collection.notes)
    assert "are also training files, which makes the validation scores too high: 1 (again.jpg)" in notes
    shown = ", ".join(held_out_of_kim)
    assert f"same sender as training pages, which makes the validation scores too high: 2 ({shown})" in notes


def _hold_out(data, ids) -> None:
    """Move pages of the train table into ``val.csv``."""
    table = pd.read_csv(data / "train.csv", dtype=str, keep_default_na=False)
    table[table["ID"].isin(ids)].to_csv(data / "val.csv", index=False)
    table[~table["ID"].isin(ids)].to_csv(data / "train.csv", index=False)


def test_groups_of_fixed_validation_pages_are_found_too(planted):
    data, (turned, again, kim) = planted
    _hold_out(data, {*turned, *again, *sorted(kim)[:3]})
    collection = collect(_config(data, group_column="sender"))
    assert collection.groups is None
    found = pd.Series([page.id for page in collection.pages.val]).groupby(collection.val_groups).agg(set)
    assert [group for group in found if len(group) > 1] == [turned, again, set(sorted(kim)[:3])]
    assert any(
        note.startswith("validation: pages that are copies of each other: 4 (groups: 2") for note in collection.notes
    )
    recorded = page_table(collection, make_splits(_config(data), collection)[0])
    by_group = recorded[recorded["part"] == "val"].dropna(subset="group").groupby("group")["ID"].agg(set)
    assert sorted(map(sorted, by_group[by_group.map(len) > 1])) == sorted(map(sorted, (turned, again, sorted(kim)[:3])))
    assert recorded.loc[recorded["part"] != "val", "group"].isna().all()


def test_a_validation_table_without_the_group_column_is_named(planted):
    data, (turned, _, _) = planted
    _hold_out(data, turned)
    pd.read_csv(data / "val.csv", dtype=str).drop(columns="sender").to_csv(data / "val.csv", index=False)
    notes = collect(_config(data, group_column="sender", split_by_likeness="none")).notes
    assert any("the table of the validation pages has no column sender" in note for note in notes)


def test_the_groups_of_a_split_are_recorded(planted):
    data, groups = planted
    config = _config(data, group_column="sender", n_folds=3)
    collection = collect(config)
    for split in make_splits(config, collection):
        recorded = page_table(collection, split).dropna(subset="group").groupby("group")["ID"].agg(set)
        assert sorted(map(sorted, recorded[recorded.map(len) > 1])) == sorted(map(sorted, groups))


def test_of_too_many_pages_equal_files_alone_are_tied(planted, monkeypatch):
    monkeypatch.setattr("munseo._training.split_groups.MOST_COMPARED", 73)
    data, groups = planted
    collection = collect(_config(data))
    assert _groups(collection) == [groups[1]]
    assert any(note.startswith("split: with more than 73 pages, identical files stay") for note in collection.notes)


def test_a_column_that_is_not_there(planted):
    with pytest.raises(UserError, match="patient"):
        collect(_config(planted[0], group_column="patient"))
