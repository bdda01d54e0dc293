"""``munseo doctor`` from end to end."""

import csv
import shutil

import pandas as pd
import pytest
from typer.testing import CliRunner

from munseo import doctor
from munseo._commands.app import app
from munseo._doctor import KINDS
from munseo._errors import UserError


@pytest.fixture
def broken(own_documents):
    """Make the generated set with a leak, a duplicate of another class, a broken file and hostile names."""
    rows = (own_documents / "train.csv").read_text(encoding="utf-8").splitlines()
    (first, label), (second, _) = (row.split(",") for row in rows[1:3])
    train = own_documents / "train"
    shutil.copy(train / first, train / "=copy.jpg")
    (train / "broken.jpg").write_bytes((train / second).read_bytes()[:900])
    other = "1" if label == "0" else "0"
    lines = [*rows, f"=copy.jpg,{other}", f"broken.jpg,{label}", f"gone.jpg,{label}"]
    (own_documents / "train.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.copy(train / second, own_documents / "test" / "leaked.jpg")
    sample = own_documents / "sample_submission.csv"
    sample.write_text(sample.read_text(encoding="utf-8") + "leaked.jpg,0\n", encoding="utf-8")
    meta = (own_documents / "meta.csv").read_text(encoding="utf-8").splitlines()
    meta[1 + int(label)] = f"{label},<script>alert(1)</script>"
    (own_documents / "meta.csv").write_text("\n".join(meta) + "\n", encoding="utf-8")
    return own_documents, first, second


def test_table_and_page(broken, tmp_path):
    data, first, second = broken
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    found = doctor(data, out=tmp_path / "out", language="ko", quiet=True)
    assert before == {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}, "nothing is changed"
    with (tmp_path / "out" / "issues.csv").open(encoding="utf-8", newline="") as file:
        rows = {(row["kind"], row["ID"]): row for row in csv.DictReader(file)}
    assert rows["truncated", "broken.jpg"]["part"] == "train"
    assert rows["leak", second]["other_ID"] == "leaked.jpg"
    assert rows["unreadable", "gone.jpg"]["detail"].startswith("there is no such file in train/")
    assert (rows["unreadable", "gone.jpg"]["severity"], rows["unreadable", "gone.jpg"]["part"]) == ("high", "train")
    assert "gone.jpg" in (tmp_path / "out" / "doctor.html").read_text(encoding="utf-8")
    assert rows["truncated", "broken.jpg"]["detail"] == "is cut short; the end of the file is missing"
    names = dict(line.split(",", 1) for line in (data / "meta.csv").read_text(encoding="utf-8").splitlines())
    assert all(row["class_name"] == names[row["target"]] for row in rows.values() if row["target"])
    conflict = rows["duplicate", "'=copy.jpg"]
    assert (conflict["other_ID"], conflict["severity"], conflict["action"]) == (first, "high", "")
    page = (tmp_path / "out" / "doctor.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "진단 결과" in page
    assert "http://" not in page
    assert "라벨을 점검한 모델의 예측이 표의 라벨과 같은 페이지는" in page
    assert "label_error" not in found.counts, "the judge of so few pages is not good enough for a verdict"
    assert found.judge is not None
    assert found.judge.low < found.judge.accuracy < found.judge.high
    assert found.counts["duplicate"] == 1
    assert list(found.counts) == [kind for kind in KINDS if kind in found.counts]


def test_for_excel_the_csv_has_a_mark_and_a_workbook_beside_it(broken, tmp_path):
    data, _, _ = broken
    plain = doctor(data, out=tmp_path / "plain", quiet=True)
    found = doctor(data, out=tmp_path / "out", excel=True, quiet=True)
    text = (found.folder / "issues.csv").read_bytes()
    assert text == b"\xef\xbb\xbf" + (plain.folder / "issues.csv").read_bytes()
    assert plain.workbook is None
    assert not (plain.folder / "issues.xlsx").exists()
    table = pd.read_csv(found.folder / "issues.csv", dtype=str, keep_default_na=False)
    assert pd.read_excel(found.workbook, dtype=str, keep_default_na=False).equals(table)


def test_the_name_of_a_file_is_no_folder(tmp_path):
    for name in ("issues.xlsx", "found.CSV"):
        with pytest.raises(UserError, match="name a folder with -o, and add --excel"):
            doctor(tmp_path, out=tmp_path / name, quiet=True)
    assert not any(tmp_path.iterdir())


def test_a_run_of_other_classes_is_refused(finished, make_pages, tmp_path):
    from printed import draw, jpeg

    from munseo._doctor import examine

    with pytest.raises(UserError, match="other classes"):
        examine(make_pages(train={"a.jpg": (jpeg(draw(1)), 0)}), finished)


def test_with_a_run_nothing_has_changed(finished, documents, tmp_path):
    found = doctor(documents, finished.path, tmp_path / "out", quiet=True)
    assert "changed" not in found.counts


def test_the_folder_needs_no_command_before_it(monkeypatch, tmp_path):
    asked, data = [], str(tmp_path)
    monkeypatch.setattr("munseo._data.load_pages", lambda data, *_, **words: asked.append(data) or exit(0))
    run = CliRunner().invoke
    assert run(app, ["doctor", data, "-o", "out"]).exit_code == 0
    assert run(app, ["doctor", "--language", "ko", data]).exit_code == 0
    assert asked == [tmp_path, tmp_path]
    assert "DATA" in run(app, ["doctor", data, "--help"]).output
    assert "check" in run(app, ["doctor", "--help"]).output
