"""Which pages trained and validated a run, from its ``pages.parquet``."""

import pandas as pd
import pytest

from munseo import UserError
from munseo._assessment.run_pages import read_run_pages
from munseo._run import RunFolder
from munseo._run.atomic import write_json


def write(path, rows):
    run = RunFolder(path)
    run.path.mkdir(parents=True)
    (run.path / "config.yaml").write_text("{}\n", encoding="utf-8")
    table = pd.DataFrame(rows, columns=["ID", "part", "target", "sha256"])
    run.write_table(run.pages_file, table.astype({"target": "Int64"}))
    return run


def test_a_run_with_one_split(tmp_path):
    rows = [("a", "train", 0, "A"), ("b", "val", 1, "B"), ("c", "test", None, "C"), ("d", "skipped", 1, None)]
    pages = read_run_pages(write(tmp_path / "run", rows))
    assert [(page.id, page.label, page.sha256, page.fold) for page in pages.validation] == [("b", 1, "B", 0)]
    assert pages.trained == {"A"}
    assert pages.validated == {"B"}, "test pages and those that could not be read judged nothing"


def test_folds_hold_each_page_out_once_and_train_on_all_of_them(tmp_path):
    run = write(tmp_path / "run", [])
    write(run.path / "fold0", [("a", "val", 0, "A"), ("b", "train", 1, "B")])
    write(run.path / "fold1", [("a", "train", 0, "A"), ("b", "val", 1, "B")])
    pages = read_run_pages(run)
    assert {page.id: page.fold for page in pages.validation} == {"a": 0, "b": 1}
    assert pages.trained == {"A", "B"}
    assert not pages.validated, "every page trained a model"


def test_an_ensemble_was_trained_on_what_any_member_was_trained_on(tmp_path):
    run = write(tmp_path / "both", [])
    write(run.path / "members" / "0", [("a", "train", 0, "A"), ("v", "val", 1, "V")])
    write(run.path / "members" / "1", [("b", "train", 0, "B"), ("v", "val", 1, "V")])
    write_json(run.manifest_file, {"format": 1, "kind": "ensemble", "ensemble": {"members": [{}, {}]}})
    pages = read_run_pages(run)
    assert pages.trained == {"A", "B"}
    assert pages.validated == {"V"}
    assert pages.validation == ()


def test_a_run_that_records_no_pages_is_refused(tmp_path):
    run = write(tmp_path / "run", [])
    run.pages_file.unlink()
    with pytest.raises(UserError, match="does not record which pages trained it"):
        read_run_pages(run)
    pd.DataFrame({"ID": ["a"]}).to_parquet(run.pages_file)
    with pytest.raises(UserError, match="lacks the column part, target, sha256"):
        read_run_pages(run)
