"""What users call things, in what others open: HTML, Markdown, CSV in a spreadsheet, a terminal."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_run import NAME, write_run
from typer.testing import CliRunner

from munseo._commands.app import app
from munseo._console import inert
from munseo._data import Page, write_submission
from munseo._data.image_error import ImageProblem, ProblemCode
from munseo._doctor.examination import Examination, count_classes
from munseo._doctor.findings_page import render_page
from munseo._doctor.inspected_page import InspectedPage
from munseo._doctor.issue import Issue, issue_table
from munseo._locale import Remark
from munseo._report import write_report
from munseo._spreadsheet import formula_warning, inert_cell, inert_table, is_formula, original_cell

HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "=cmd|' /C calc'!A0",
    "[a](javascript:alert(1)) ![x](http://evil.example/x.png)",
    "{{ 7 * 7 }} {% raw %} $x^2$ `rm -rf /` | \\",
)


class Seen(HTMLParser):
    """Tags and attributes that a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value or "" for name, value in attrs if name in ("src", "href")}


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    run = write_run(tmp_path_factory.mktemp("hostile") / "runs" / NAME, HOSTILE)
    entries = json.loads((run.gallery_dir / "pages.json").read_text(encoding="utf-8"))
    entries[0]["id"] = "<script src=//evil.example></script>.jpg"
    entries[1]["file"] = "../../../etc/passwd"
    (run.gallery_dir / "pages.json").write_text(json.dumps(entries), encoding="utf-8")
    manifest = json.loads(run.manifest_file.read_text(encoding="utf-8"))
    manifest["command"] = "munseo train '</pre><script>alert(2)</script>'"
    manifest["data"]["skipped"] = [{"id": "<iframe src=x>", "reason": "<b onclick=x>"}]
    manifest["system"]["processor"] = "</style><script>alert(3)</script>"
    run.manifest_file.write_text(json.dumps(manifest), encoding="utf-8")
    write_report(run)
    return run


def assert_inert(page: str) -> None:
    seen = Seen()
    seen.feed(page)
    assert not seen.tags & {"script", "iframe", "object", "embed", "base", "link", "form"}
    assert not [name for name in seen.attributes if name.startswith("on")]
    assert all(link.startswith(("data:image/", "#")) for link in seen.links)
    assert "49 {%" not in page, "no name is a template"
    assert "&lt;script&gt;alert(1)" in page
    assert "root:" not in page


@pytest.mark.parametrize("name", ["report.html", "report.ko.html"])
def test_no_name_acts_in_the_html(reported, name):
    assert_inert((reported.path / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["report.md", "report.ko.md"])
def test_no_name_acts_in_the_markdown(reported, name):
    page = (reported.path / name).read_text(encoding="utf-8")
    text = re.sub(r"```.*?```|`[^`\n]+`", "", page, flags=re.DOTALL)
    assert "<script" not in text
    assert "<img" not in text
    assert not re.search(r"(?<!\\)\]\((javascript|http://evil)", text)


def test_formulas_do_not_act_in_tables_and_come_back_whole():
    texts = [
        "=1+1",
        "+1+1",
        "-2+3|x",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "'=1",
        "''@x",
        "＝1",
        "plain",
        "'quoted",
        "",
        "-1.5e3",
    ]
    for text in texts:
        shown = inert_cell(text)
        assert shown[:1] not in ("=", "+", "@", "\t", "\r", "＝")
        assert original_cell(shown) == text
        assert is_formula(text) == (shown != text and not text.startswith("'"))
    assert inert_cell("-1.5e3") == "-1.5e3", "a number stays one"
    table = pd.DataFrame({"=name": ["=x", "y"], "score": [0.5, -0.5], "n": [1, 2]})
    shown = inert_table(table)
    assert shown.to_csv(index=False) == "'=name,score,n\n'=x,0.5,1\ny,-0.5,2\n"
    assert list(table.columns) == ["=name", "score", "n"]


def test_ids_of_a_submission_stay_as_they_are_and_are_told(tmp_path):
    ids = ["=cmd|' /C calc'!A0.jpg", "-1.jpg", 'a,b".jpg', "plain.jpg"]
    write_submission(tmp_path / "o.csv", ids, ["=1", "1", "2", "3"])
    with (tmp_path / "o.csv").open(encoding="utf-8", newline="") as file:
        assert [row[0] for row in csv.reader(file)] == ["ID", *ids]
    assert (formula_warning(ids) or "").startswith("2 IDs begin as formulas do, such as \"=cmd|' /C calc'!A0.jpg\"")
    assert formula_warning(["a.jpg", "1.jpg", "-1"]) is None


def test_the_leaderboard_as_csv(tmp_path):
    write_run(tmp_path / "runs" / "=HYPERLINK(x)-run")
    done = CliRunner().invoke(app, ["runs", str(tmp_path / "runs"), "--csv"])
    assert done.exit_code == 0
    assert "\n'=HYPERLINK(x)-run," in done.output


def test_the_leaderboard_in_a_terminal(tmp_path):
    write_run(tmp_path / "runs" / "[red]\x1b[2Ja", config={"model_name": "[/bold] \x1b]0;owned\x07 [link=//evil]x"})
    done = CliRunner().invoke(app, ["runs", str(tmp_path / "runs")], env={"COLUMNS": "400"})
    assert done.exit_code == 0
    assert "\x1b" not in done.output
    assert "[red]" in done.output, "a name is text, not markup"


def test_the_page_of_the_doctor():
    pages = [
        InspectedPage(
            "train", Page(name, Path("none.jpg"), number), ImageProblem(ProblemCode.OTHER, text=f"is <b>{name}</b>")
        )
        for number, name in enumerate(HOSTILE)
    ]
    words = {"old": HOSTILE[0], "new": HOSTILE[1]}
    issues = [Issue("unreadable", "high", page.problem.remark, page) for page in pages]
    issues += [
        Issue("duplicate", "high", Remark("doctor.relabelled", words), pages[0], pages[1]),
        Issue("odd", "low", Remark("", text=HOSTILE[1]), pages[2]),
        Issue("confused_classes", "low", Remark("doctor.relabelled", words), classes=(0, 1)),
    ]
    census = tuple(count_classes(pages, HOSTILE))
    notes = (Remark("", text=HOSTILE[0]),)
    found = Examination(HOSTILE, tuple("01234"), tuple(pages), tuple(issues), census, notes, np.arange(0), None)
    for language in ("en", "ko"):
        assert_inert(render_page(found, HOSTILE[1], language))
    table = issue_table(found.issues, found.class_targets, found.class_names)
    assert not [cell for cell in table.to_numpy().ravel() if isinstance(cell, str) and cell.startswith("=")]
    assert "'=cmd|' /C calc'!A0" in set(table["ID"])


def test_the_difference_of_two_runs(tmp_path):
    classes = (*HOSTILE[:4], "\x1b]0;owned\x07")
    runs = [write_run(tmp_path / side / NAME, classes) for side in "ab"]
    for number, run in enumerate(runs):
        run.model_file.write_text(json.dumps({"class_names": classes[:4] + (f"\x1b[2J{number}",)}))
        run.val_predictions_file.unlink()
        pages = {"ID": ["=cmd|x", "\x1b[31m.jpg"], "part": "val", "target": [number, 4], "sha256": str(number)}
        run.write_table(run.pages_file, pd.DataFrame(pages))
    words = ["runs", "diff", *(str(run.path) for run in runs), "--json", str(tmp_path / "diff.json")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.output
    assert "\\x1b[31m.jpg" in done.output
    assert "\x1b[31m.jpg" in [row["ID"] for row in json.loads((tmp_path / "diff.json").read_text())["pages"]["labels"]]


def test_a_name_cannot_drive_the_terminal():
    assert inert("\x1b]0;owned\x07a\r\x1b[2Jb\tc\nd 가") == "\\x1b]0;owned\\x07a\\x0d\\x1b[2Jb\tc\nd 가"
    assert inert("\x9b31m\x7f") == "\\x9b31m\\x7f"
