"""``munseo predict -o out.parquet``: every page once, whatever happens, with the same prediction as in a CSV."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from munseo import Interrupted, UserError, predict
from munseo._commands.app import app
from munseo._prediction import bulk
from munseo._prediction.predictor import Predictor

KILLED = """
import os, signal
from munseo import predict
from munseo._prediction import bulk, parts_folder as parts

bulk.ROWS_A_PART = 4
written, write_table = [], parts.pq.write_table

def write(table, file, **options):
    write_table(table, file, **options)
    written.append(file)
    if len(written) == 3:
        file.write_bytes(file.read_bytes()[:100])
        os.kill(os.getpid(), signal.SIGKILL)

parts.pq.write_table = write
predict({run!r}, [{inbox!r}], {output!r}, proba=True, device="cpu")
"""


@pytest.fixture
def inbox(documents, tmp_path):
    """17 pages of the set, a PDF of two and a TIFF of three of them, one in an archive, and two that are no images."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    files = sorted((documents / "test").iterdir())
    for file in files:
        os.link(file, folder / file.name)
    pages = [Image.fromarray(np.asarray(Image.open(file).convert("RGB"))) for file in files[:3]]
    pages[0].save(folder / "fax.tif", save_all=True, append_images=pages[1:])
    pages[0].save(folder / "scan.pdf", save_all=True, append_images=pages[1:2])
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.write(files[4], "in/one.jpg")
        archive.writestr("in/empty.jpg", b"")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    return folder


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(bulk, "ROWS_A_PART", 4)


def parts_of(output):
    return sorted(output.with_name(f"{output.name}.parts").rglob("part-*.parquet"))


@pytest.mark.parametrize("words", [{}, {"tta": True, "second_look": True}])
def test_equal_to_the_ordinary_road(finished, documents, tmp_path, words):
    usual = pd.read_csv(
        predict(finished.path, [documents / "test"], tmp_path / "a.csv", proba=True, quiet=True, **words)
    )
    file = predict(finished.path, [documents / "test"], tmp_path / "a.parquet", proba=True, quiet=True, **words)
    streamed = pd.read_parquet(file).set_index("ID").loc[usual["ID"]]
    columns = [name for name in usual if name.startswith("p_")]
    assert np.allclose(streamed[columns], usual[columns], atol=1e-6)
    assert list(streamed["target"]) == [str(value) for value in usual["target"]]
    assert np.allclose(streamed["confidence"], usual[columns].max(axis=1), atol=1e-6)
    assert streamed["error"].isna().all()
    assert "place" not in streamed
    assert list(pd.read_parquet(file)["ID"]) == sorted(usual["ID"])


def test_a_row_for_every_page_and_a_reason_for_each_that_cannot_be_read(
    finished, inbox, documents, tmp_path, small_parts
):
    output = tmp_path / "out" / "o.parquet"
    done = pd.read_parquet(predict(finished.path, [inbox], output, proba=True, abstain_below=0.5, quiet=True))
    names = sorted(file.name for file in (documents / "test").iterdir())
    more = ["fax.tif#1", "fax.tif#2", "fax.tif#3", "more.zip/in/one.jpg", "more.zip/in/empty.jpg"]
    assert sorted(done["ID"]) == sorted([*names, *more, "scan.pdf#1", "scan.pdf#2", "broken.png"])
    rows = done.set_index("ID")
    assert rows.loc["fax.tif#2", "source"] == f"{inbox}/fax.tif#2"
    assert rows.loc["more.zip/in/one.jpg", "source"] == f"{inbox}/more.zip/in/one.jpg"
    unreadable = rows[rows["error"].notna()]
    assert sorted(unreadable.index) == ["broken.png", "more.zip/in/empty.jpg"]
    assert rows.loc["more.zip/in/empty.jpg", "error"] == "is empty (0 bytes)"
    assert unreadable[["target", "class_name", "confidence", rows.filter(like="p_").columns[0]]].isna().all(axis=None)
    assert unreadable["needs_person"].all()
    readable = rows[rows["error"].isna()]
    assert (readable["needs_person"] == (readable["confidence"] < 0.5)).all()
    assert len(parts_of(output)) > 3
    first = sorted((documents / "test").iterdir())[0]
    near = rows.filter(like="p_").loc[[first.name, "fax.tif#1"]].to_numpy()
    assert np.allclose(near[0], near[1], atol=1e-4), "a page of a TIFF is what it would be alone"
    assert pq.read_metadata(output).metadata[b"munseo.predictions"]


def test_killed_in_the_middle_of_writing_and_resumed(finished, inbox, tmp_path, small_parts):
    whole = predict(finished.path, [inbox], tmp_path / "whole.parquet", proba=True, device="cpu", quiet=True)
    output = tmp_path / "killed.parquet"
    code = KILLED.format(run=str(finished.path), inbox=str(inbox), output=str(output))
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=900)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert not output.exists()
    kept = {file: file.stat().st_mtime_ns for file in parts_of(output)}
    assert len(kept) == 2
    predict(finished.path, [inbox], output, proba=True, device="cpu", quiet=True)
    assert pq.read_table(output).equals(pq.read_table(whole))
    assert {file: file.stat().st_mtime_ns for file in kept} == kept, "what was done is not done again"
    assert pd.read_parquet(output)["ID"].is_unique


def test_stopped_by_sigterm_nothing_is_lost(finished, inbox, tmp_path, small_parts, monkeypatch):
    whole = predict(finished.path, [inbox], tmp_path / "whole.parquet", proba=True, device="cpu", quiet=True)
    output, calls, answer = tmp_path / "o.parquet", [], Predictor.predict

    def stopped(self, *words):
        calls.append(1)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return answer(self, *words)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(Predictor, "predict", stopped)
    with pytest.raises(Interrupted, match=r"of 22 files are done. The same command goes on") as stop:
        predict(finished.path, [inbox], output, proba=True, device="cpu", quiet=True)
    assert stop.value.signum == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before
    assert len(parts_of(output)) == 2
    predict(finished.path, [inbox], output, proba=True, device="cpu", quiet=True)
    found, expected = pd.read_parquet(output), pd.read_parquet(whole)
    pd.testing.assert_frame_equal(found, expected, atol=1e-5)


def test_shards_join_to_the_same_table(finished, inbox, tmp_path, small_parts):
    words = {"proba": True, "device": "cpu", "quiet": True}
    whole = predict(finished.path, [inbox], tmp_path / "whole.parquet", **words)
    output = tmp_path / "o.parquet"
    assert predict(finished.path, [inbox], output, shard="2/3", **words).name == "shard-002-of-003"
    predict(finished.path, [inbox], output, shard="0/3", **words)
    with pytest.raises(UserError, match="1 shards are not complete") as caught:
        predict(finished.path, output=output, join=True)
    assert caught.value.problems == ["shard 1/3: has not begun"]
    with pytest.raises(UserError, match="shard 0/2 does not belong"):
        predict(finished.path, [inbox], output, shard="0/2", **words)
    assert predict(finished.path, [inbox], output, shard="1/3", **words) == output, "the last one joins"
    found, expected = pd.read_parquet(output), pd.read_parquet(whole)
    pd.testing.assert_frame_equal(found, expected, atol=1e-5)
    output.unlink()
    done = CliRunner().invoke(app, ["predict", str(finished.path), "--join", "-o", str(output)])
    assert done.exit_code == 0
    pd.testing.assert_frame_equal(pd.read_parquet(output), found)


def test_torchrun_gives_every_process_its_shard(finished, inbox, tmp_path):
    whole, output = tmp_path / "whole.parquet", tmp_path / "o.parquet"
    predict(finished.path, [inbox], whole, proba=True, device="cpu", quiet=True)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words = ["-m", "munseo", "predict", finished.path, inbox, "-o", output, "--proba", "--device", "cpu"]
    done = subprocess.run([*launcher, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shards = {file.parent.name for file in parts_of(output)}
    assert shards == {"shard-000-of-002", "shard-001-of-002"}
    pd.testing.assert_frame_equal(pd.read_parquet(output), pd.read_parquet(whole), atol=1e-5)


def test_what_changed_is_refused_by_name(finished, inbox, tmp_path, small_parts, monkeypatch):
    output = tmp_path / "o.parquet"
    words = {"device": "cpu", "quiet": True}
    predict(finished.path, [inbox], output, **words)
    before = output.read_bytes()
    predict(finished.path, [inbox], output, **words)
    assert output.read_bytes() == before
    (inbox / "broken.png").rename(inbox / "new.png")
    with pytest.raises(UserError, match="was begun with something else") as caught:
        predict(finished.path, [inbox], output, **words)
    assert caught.value.problems == ["broken.png: is gone", "new.png: is new"]
    (inbox / "new.png").rename(inbox / "broken.png")
    with pytest.raises(UserError) as caught:
        predict(finished.path, [inbox], output, proba=True, abstain_below=0.5, **words)
    assert caught.value.problems == ["needs_person_below: null before, 0.5 now", "proba: false before, true now"]
    elsewhere = inbox.rename(tmp_path / "moved")
    with pytest.raises(UserError) as caught:
        predict(finished.path, [elsewhere], output, **words)
    assert [line.split(":")[0] for line in caught.value.problems] == ["inputs"]
    assert output.read_bytes() == before


def test_a_list_from_standard_input_and_words_that_are_wrong(finished, documents, tmp_path):
    files = sorted((documents / "test").iterdir())[3:6]
    output = tmp_path / "o.parquet"
    words = ["predict", str(finished.path), "-", "-o", str(output), "--device", "cpu"]
    done = CliRunner().invoke(app, words, input="".join(f"{file}\n" for file in reversed(files)))
    assert done.exit_code == 0, done.output
    assert list(pd.read_parquet(output)["ID"]) == [str(file) for file in reversed(files)]
    with pytest.raises(UserError, match="no parts there"):
        predict(finished.path, output=tmp_path / "none.parquet", join=True)
    with pytest.raises(UserError, match="say which output"):
        predict(finished.path, join=True)


def test_the_runs_own_test_part_by_default(finished, documents, tmp_path):
    done = pd.read_parquet(predict(finished.path, output=tmp_path / "o.parquet", quiet=True))
    assert list(done["ID"]) == list(pd.read_csv(documents / "sample_submission.csv")["ID"])


@pytest.fixture
def pages_inbox(documents, tmp_path):
    """Seven pages, a PDF of two, a fax with pixels that are not square, and a file that is no image."""
    folder = tmp_path / "받은 문서"
    folder.mkdir()
    files = sorted((documents / "test").iterdir())[:7]
    for number, file in enumerate(files):
        os.link(file, folder / f"{number:03d}.jpg")
    pages = [Image.open(file).convert("L") for file in files[:2]]
    pages[0].save(folder / "계약서.pdf", save_all=True, append_images=pages[1:])
    fax = pages[0].resize((pages[0].width, pages[0].height // 2)).convert("1")
    fax.save(folder / "fax.tif", compression="group4", dpi=(204, 98))
    (folder / "=1+1.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    return folder


def as_people_read(file):
    """A table of predictions as pandas reads it when nothing is to be guessed."""
    read = pd.read_excel if file.suffix == ".xlsx" else pd.read_csv
    return read(file, dtype=str, keep_default_na=False)


def test_a_csv_a_workbook_and_a_parquet_file_have_the_same_rows(finished, pages_inbox, tmp_path, capsys):
    words = {"proba": True, "abstain_below": 0.5, "device": "cpu"}
    parquet, book, text = (
        predict(finished.path, [pages_inbox], tmp_path / f"o.{ending}", **words)
        for ending in ("parquet", "xlsx", "csv")
    )
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("pixels that are not square") == 3, "once in each prediction"
    assert said.count("1 of them unreadable: see the column error (=1+1.png)") == 3
    assert said.count("need no person: confidence 0.5000 or more") == 3
    rows, table = pd.read_parquet(parquet), as_people_read(text)
    assert list(rows.columns) == list(table.columns) == list(as_people_read(book).columns)
    for column in ("ID", "source", "target", "class_name", "error"):
        expected = [value or "" for value in rows[column].replace({np.nan: None})]
        assert list(table[column]) == list(as_people_read(book)[column]) == expected
    assert list(table["ID"][-3:]) == ["fax.tif", "계약서.pdf#1", "계약서.pdf#2"]
    numbers = ["confidence", *(name for name in rows if name.startswith("p_"))]
    for other in (table, as_people_read(book)):
        found = other[numbers].replace("", "nan").astype(float)
        assert np.allclose(found, rows[numbers].astype(float), atol=1e-6, equal_nan=True)
        assert list(other["needs_person"] == "yes") == list(rows["needs_person"])
    assert parts_of(parquet)
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".parts" and path.stem != "o.parquet"]


def test_a_csv_for_excel_and_one_for_programs(finished, pages_inbox, tmp_path):
    plain, marked = (
        predict(finished.path, [pages_inbox], tmp_path / f"{excel}.csv", excel=excel, quiet=True)
        for excel in (False, True)
    )
    assert marked.read_bytes() == b"\xef\xbb\xbf" + plain.read_bytes()


def test_what_cannot_be_read_ends_the_command_only_on_request(finished, pages_inbox, tmp_path):
    with pytest.raises(UserError, match="unreadable pages: 1; nothing was written") as caught:
        predict(finished.path, [pages_inbox], tmp_path / "o.xlsx", on_bad_image="fail", quiet=True)
    assert caught.value.problems[0].startswith("=1+1.png: ")
    assert [path.name for path in tmp_path.iterdir()] == [pages_inbox.name]
    for words in ({"output": "o.parquet"}, {"output": "o.csv", "shard": "0/2"}):
        with pytest.raises(UserError, match="have the column error instead"):
            predict(finished.path, [pages_inbox], on_bad_image="fail", **words)


def test_only_unreadable_pages(finished, tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "o.expected.json").write_text("{}")  # of a table that was written here before
    table = as_people_read(predict(finished.path, [tmp_path / "a.png"], tmp_path / "o.csv", quiet=True))
    assert table.loc[0, ["ID", "target", "class_name", "confidence"]].tolist() == ["a.png", "", "", ""]
    assert table.loc[0, "error"]
    assert not (tmp_path / "o.expected.json").exists()


def test_a_row_of_a_table_whose_file_is_missing(finished, pages_inbox, tmp_path):
    table = pages_inbox / "list.csv"
    table.write_text("ID\n0\n001.jpg\n", encoding="utf-8")
    rows = as_people_read(predict(finished.path, [table], tmp_path / "o.csv", quiet=True)).set_index("ID")
    assert "did you mean 000.jpg?" in rows.loc["0", "error"]
    assert rows.loc["001.jpg", "class_name"]


def test_an_interrupted_workbook_is_gone_on_with(finished, inbox, tmp_path, small_parts, monkeypatch):
    words = {"device": "cpu", "quiet": True, "backend": "torch"}
    whole = as_people_read(predict(finished.path, [inbox], tmp_path / "whole.xlsx", **words))
    stated = (tmp_path / "whole.expected.json").read_bytes()
    output, calls, answer = tmp_path / "o.xlsx", [], Predictor.predict

    def stopped(self, *pages):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return answer(self, *pages)

    monkeypatch.setattr(Predictor, "predict", stopped)
    with pytest.raises(Interrupted, match="The same command goes on"):
        predict(finished.path, [inbox], output, **words)
    assert not output.exists()
    assert len(parts_of(output)) == 2
    monkeypatch.setattr(Predictor, "predict", answer)
    monkeypatch.setattr(bulk, "ROWS_A_PART", 2048)
    assert as_people_read(predict(finished.path, [inbox], output, **words)).equals(whole)
    assert output.with_suffix(".expected.json").read_bytes() == stated, "of all pages, not of those predicted last"
    assert not output.with_name("o.xlsx.parts").exists()


def test_shards_of_a_workbook(finished, pages_inbox, tmp_path):
    words = {"device": "cpu", "quiet": True}
    whole = as_people_read(predict(finished.path, [pages_inbox], tmp_path / "whole.xlsx", **words))
    predict(finished.path, [pages_inbox], tmp_path / "o.xlsx", shard="1/2", **words)
    joined = predict(finished.path, [pages_inbox], tmp_path / "o.xlsx", shard="0/2", **words)
    assert as_people_read(joined).equals(whole)


def test_an_error_before_anything_is_predicted_leaves_no_folder(finished, pages_inbox, tmp_path):
    with pytest.raises(UserError):
        predict(finished.path, [pages_inbox], tmp_path / "o.xlsx", target_precision=0.999, quiet=True)
    assert [path.name for path in tmp_path.iterdir()] == [pages_inbox.name]
