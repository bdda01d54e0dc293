"""``munseo doctor fix``: a reviewed CSV and a table in, a corrected copy out, the original untouched."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from munseo import fix
from munseo._data import DataLayout, load_pages
from munseo._errors import UserError
from munseo._spreadsheet import inert_cell

COLUMNS = (
    *("kind", "severity", "ID", "part", "other_ID", "other_part", "target", "suggested_target", "score", "detail"),
    *("action", "new_target"),
)
META = "target,class_name\n0,letter\n1,여권\n2,receipt\n"
TRAIN = 'ID,target,note\na.png,0,x\nb.png,1,"two,\nlines"\nc.png,2, spaced \n\nd.png,0,y\n=e.png,1,z\n'
VAL = "ID,target\nv.png,0\nw.png,1\nx.png,2\n"


@pytest.fixture
def data(tmp_path) -> Path:
    folder = tmp_path / "data"
    (folder / "train").mkdir(parents=True)
    for name in ("a", "b", "c", "d", "=e", "v", "w", "x"):
        cv2.imwrite(str(folder / "train" / f"{name}.png"), np.full((6, 8, 3), 200, np.uint8))
    (folder / "meta.csv").write_text(META, encoding="utf-8")
    (folder / "train.csv").write_bytes(TRAIN.encode())
    return folder


@pytest.fixture
def reviewed(tmp_path):
    """Write an issues.csv; a row is (ID, part, target, action, new_target, suggested_target)."""

    def write(*rows: tuple[str, ...]) -> Path:
        table = pd.DataFrame("", index=range(len(rows)), columns=list(COLUMNS))
        for number, row in enumerate(rows):
            names = ("ID", "part", "target", "action", "new_target", "suggested_target")
            for name, value in zip(names, row, strict=False):
                table.loc[number, name] = inert_cell(value)
        file = tmp_path / "issues.csv"
        table.to_csv(file, index=False)
        return file

    return write


def test_rows_are_changed_and_dropped_and_all_else_keeps_its_bytes(data, reviewed):
    issues = reviewed(
        ("a.png", "train", "0", "relabel", "1"),
        ("a.png", "train", "0", "", ""),
        ("b.png", "train", "1", "keep"),
        ("c.png", "train", "2", "", "", "1"),
        ("d.png", "train", "0", "DROP"),
        ("=e.png", "train", "1", "relabel", "receipt"),
    )
    before = (data / "train.csv").read_bytes()
    (fixed,) = fix(data, issues, data / "train.fixed.csv")
    assert (data / "train.fixed.csv").read_bytes().decode() == (
        'ID,target,note\na.png,1,x\nb.png,1,"two,\nlines"\nc.png,2, spaced \n\n=e.png,2,z\n'
    )
    assert fixed.relabelled == (("a.png", "0", "1"), ("=e.png", "1", "2"))
    assert (fixed.dropped, fixed.num_kept, fixed.num_undecided) == (("d.png",), 2, 1)
    assert fixed.emptied == ("letter",)
    assert (data / "train.csv").read_bytes() == before
    assert len(load_pages(data, DataLayout(train_table="train.fixed.csv")).train) == 4


def test_rows_of_missing_files_can_be_dropped(data, reviewed):
    (data / "train" / "d.png").unlink()
    (fixed,) = fix(data, reviewed(("d.png", "train", "0", "drop")), data / "train.fixed.csv")
    assert fixed.dropped == ("d.png",)
    assert len(load_pages(data, DataLayout(train_table="train.fixed.csv")).train) == 4


def test_relabel_without_a_new_target_takes_the_suggestion(data, reviewed):
    (fixed,) = fix(data, reviewed(("a.png", "train", "0", "relabel", "", "2")), data / "new.csv")
    assert fixed.relabelled == (("a.png", "0", "2"),)


@pytest.mark.parametrize(("codec", "mark", "end"), [("cp949", b"", "\r\n"), ("utf-8", b"\xef\xbb\xbf", "\r")])
def test_encoding_mark_and_line_ends_stay(data, reviewed, codec, mark, end):
    (data / "train.csv").write_bytes(
        mark + end.join(["ID,target,메모", "a.png,letter,가", "c.png,2,나", ""]).encode(codec)
    )
    fix(data, reviewed(("a.png", "train", "0", "relabel", "1")), data / "new.csv")
    expected = end.join(["ID,target,메모", "a.png,여권,가", "c.png,2,나", ""])
    assert (data / "new.csv").read_bytes() == mark + expected.encode(codec), "a name is replaced by a name"


def test_parquet_keeps_its_types(data, reviewed):
    (data / "train.csv").unlink()
    table = pd.DataFrame({"ID": ["a.png", "b.png", "c.png"], "target": [0, 1, 2], "weight": [0.5, 1.0, None]})
    table.to_parquet(data / "train.parquet", index=False)
    issues = reviewed(("a.png", "train", "0", "relabel", "2"), ("b.png", "train", "1", "drop"))
    fix(data, issues, data / "new.parquet", train_table="train.parquet")
    found = pd.read_parquet(data / "new.parquet")
    pd.testing.assert_frame_equal(found, table.assign(target=[2, 1, 2]).drop(index=1).reset_index(drop=True))


def test_both_tables_go_to_a_folder(data, reviewed, tmp_path):
    (data / "val.csv").write_bytes(VAL.encode())
    issues = reviewed(("a.png", "train", "0", "drop"), ("w.png", "val", "1", "relabel", "2"))
    with pytest.raises(UserError, match=r"train\.csv and val\.csv; give a folder"):
        fix(data, issues, tmp_path / "new.csv")
    fixed = fix(data, issues, tmp_path / "fixed")
    assert [table.output.name for table in fixed] == ["train.csv", "val.csv"]
    assert (tmp_path / "fixed" / "val.csv").read_text() == VAL.replace("w.png,1", "w.png,2")
    (only_val,) = fix(data, reviewed(("w.png", "val", "1", "drop")), tmp_path / "val_new.csv")
    assert only_val.dropped == ("w.png",)


def test_all_wrong_rows_are_named_together(data, reviewed, tmp_path):
    issues = reviewed(
        ("gone.png", "train", "0", "drop"),
        ("a.png", "train", "0", "relabel", "passport"),
        ("b.png", "train", "1", "keep"),
        ("b.png", "train", "1", "drop"),
        ("c.png", "train", "2", "delete"),
        ("d.png", "train", "1", "drop"),
        ("=e.png", "train", "1", "relabel"),
        ("t.png", "test", "", "drop"),
        ("", "", "", "keep"),
        ("d.png", "train", "0", "", "1"),
        ("d.png", "train", "0", "keep", "1"),
    )
    with pytest.raises(UserError) as caught:
        fix(data, issues, tmp_path / "new.csv")
    said = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 10
    for text in (
        "issues.csv:2: gone.png: is not in train.csv",
        "issues.csv:3: a.png: label 'passport' is not in",
        "b.png: decisions contradict each other: issues.csv:4 keep, issues.csv:5 drop",
        "issues.csv:6: c.png: unknown action 'delete'",
        "issues.csv:7: d.png: was '1' for the doctor, is '0' in train.csv now",
        "issues.csv:8: =e.png: relabel needs a new_target",
        "issues.csv:9: t.png: is of the part 'test'",
        "issues.csv:10: no page: this issue is about no single page",
        "issues.csv:11: d.png: has a new_target but no action",
        "issues.csv:12: d.png: keep with a new_target",
    ):
        assert text in said
    assert not (tmp_path / "new.csv").exists()


@pytest.mark.parametrize(
    "name", ["train.csv", "meta.csv", "val.csv", "Sample_Submission.csv", "link.csv", "new.parquet"]
)
def test_places_that_are_refused(data, reviewed, name):
    (data / "link.csv").symlink_to(data / "train.csv")
    before = {path.name: path.read_bytes() for path in data.glob("*.csv")}
    with pytest.raises(UserError):
        fix(data, reviewed(("a.png", "train", "0", "drop")), data / name)
    assert {path.name: path.read_bytes() for path in data.glob("*") if path.is_file()} == before


def test_a_csv_that_is_not_the_doctors(data, tmp_path):
    (tmp_path / "other.csv").write_text("ID,target\na.png,0\n")
    with pytest.raises(UserError, match="no column 'part', 'action', 'new_target'"):
        fix(data, tmp_path / "other.csv", tmp_path / "new.csv")
