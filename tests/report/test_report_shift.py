"""What is measured on damaged pages, of confidence and of views stands where it belongs, or nowhere."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from fake_run import ENGLISH, NAME, change, put, write_folds, write_run
from fake_shift import KEYS, add_shift, add_shifted_curves
from PIL import Image

from munseo._config import load_config
from munseo._locale import Remark, Texts
from munseo._report import record_score, write_report
from munseo._report.blocks import Block, Picture, SectionBlock, TableBlock
from munseo._report.content.analysis import sentence
from munseo._report.content.confidence import confidence_blocks, draw_calibration, num_panels
from munseo._report.content.curves import CURVE_PLOTS, LABEL_APART, _apart
from munseo._report.content.damaged_pages import draw_robustness, shift_blocks
from munseo._report.content.overview import shift_sentences, summary_blocks
from munseo._report.content.views import draw_views, view_blocks
from munseo._report.experiments import experiments
from munseo._report.facts import Facts, gather
from munseo._report.findings import Finding
from munseo._report.leaderboard import leaderboard
from munseo._report.plots import LIGHT, Plot
from munseo._report.report import PLOTS, plots_of
from munseo._report.rules import analyse
from munseo._report.shift_rules import CONFIDENCE_RULES, SHIFT_RULES
from munseo._run import RunFolder

SHIFT_PLOTS = ["robustness.png", "calibration.png", "views.png"]
SECTIONS = (
    "shift", "shift.compare", "shift.classes", "robustness", "expected", "confidence", "calibration", "coverage",
    "views", "views.views", "second_look", "topic.shift", "topic.confidence",
)  # fmt: skip


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take most of a report's time, and these tests are about words."""
    stand_in(monkeypatch)


def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")

    def picture(plot: Plot, facts: Facts, texts: Texts, alt: str, caption: str = "", *widths: int) -> Picture:
        return Picture(alt, caption, Path(plot.file), buffer.getvalue(), buffer.getvalue(), *widths)

    monkeypatch.setattr(Plot, "picture", picture)


@pytest.fixture
def shifted_run(english_run: RunFolder, tmp_path: Path) -> RunFolder:
    return add_shift(english_run, tmp_path / "shifted" / NAME)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """With a class name and a page's ID that are markup; do not write into it."""
    folder = tmp_path_factory.mktemp("reported")
    plain = write_run(folder / "plain", ("<b>letter</b>", "a|b", *ENGLISH[2:]))
    run = add_shift(plain, folder / "runs" / NAME)
    damages = json.loads(run.results_file.read_text(encoding="utf-8"))["robustness"]["damages"]
    damages[0]["broken"][0]["id"] = '"><i>id</i>'
    change(run.results_file, "robustness", "damages", value=damages)
    change(run.results_file, "expected", "notes", value=["<i>note</i>"])
    with pytest.MonkeyPatch.context() as patched:
        stand_in(patched)
        write_report(run)  # draws the files of the folder all the same
    return run


def read(run: RunFolder, name: str) -> str:
    return (run.path / name).read_text(encoding="utf-8")


def findings(run: RunFolder) -> dict[str, dict]:
    facts = gather(run)
    return {
        found.rule: found.numbers for rule in (*SHIFT_RULES, *CONFIDENCE_RULES) if (found := rule(facts)) is not None
    }


def words(blocks: Iterable[Block]) -> str:
    """Everything that blocks say, pictures aside."""
    return " ".join(str(block) for block in blocks)


def inner(blocks: Iterable[Block], name: str) -> tuple[Block, ...]:
    return next(block.blocks for block in blocks if isinstance(block, SectionBlock) and block.name == name)


def remove(run: RunFolder, *keys: str) -> None:
    results = json.loads(run.results_file.read_text(encoding="utf-8"))
    put(run.results_file, {key: value for key, value in results.items() if key not in keys})


def test_every_section_is_there_in_both_languages(reported: RunFolder):
    for language, stem in (("en", "report"), ("ko", "report.ko")):
        say = Texts(language, "report")
        page, text = read(reported, f"{stem}.html"), read(reported, f"{stem}.md")
        for key in SECTIONS:
            assert f">{say(key)}</h" in page, (language, key)
            assert re.search(rf"^##+ {re.escape(say(key))}$", text, re.MULTILINE), (language, key)


def test_figures_appear_where_they_belong(reported: RunFolder):
    parts = re.split(r"^#+ (.*)$", read(reported, "report.md"), flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    expected = {
        "Summary": ("0.8047", "0.7612–0.8431", "87.8%", "0.7932", "0.7541–0.8298", "3,140", "0.9164", "`competition`"),
        "Clean and shifted validation": ("| 0.9164 | 0.8047 | −0.1117 |", "81.14%", "236 pages", "2 times"),
        "Expected score on the test pages": ("0.7932", "77.2%", "&lt;i&gt;note"),
        "Calibration": ("1.412", "0.1173 before, 0.0264 after", "0.0411"),
        "Pages that need no person": (
            "| 95% | 0.7314 | 69.1% | 96.3% |",
            "| 99% | no threshold reaches it | 0.0% | – |",
        ),
        "Views": ("| `transpose` | 0.7159 | 0.7703 | −0.0344 | −0.0461 … −0.0233 | hurts |", "0.8021", "−0.0026"),
        "Second look": ("0.70", "21.3%", "+0.0122", "+0.0031 to +0.0214", "0.8169", "50%"),
    }
    for title, figures in expected.items():
        for figure in figures:
            assert figure in sections[title], (title, figure)


def test_names_are_inert_and_nothing_is_fetched(reported: RunFolder):
    page, text = read(reported, "report.html"), read(reported, "report.md")
    assert "<b>letter" not in page
    assert "&lt;b&gt;letter" in page
    assert "<i>id" not in page + text
    assert "&lt;i&gt;id" in page
    assert "<i>note" not in page + text
    assert re.findall(r"""(?:src|href|srcset|url)\s*[=(]\s*["']?(?!data:|#)([^"')\s>]+)""", page) == []
    rows = [line for line in text.splitlines() if line.startswith(r"| a\|b")]
    assert len(rows) == 3  # by class, under shift, in the class mix
    links = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert {*SHIFT_PLOTS, "robustness/ink_fade_00.jpg"} <= set(links)
    assert all((reported.path / link).is_file() for link in links)


def test_plots_are_drawn_into_the_folder(reported: RunFolder):
    assert plots_of(gather(reported)) == list(PLOTS)
    assert set(SHIFT_PLOTS) <= {plot.file for plot in PLOTS}
    for name in (plot.file for plot in PLOTS):
        with Image.open(reported.path / name) as image:
            image.verify()
            assert min(image.size) > 300


def test_curves_show_the_shifted_validation(english_run: RunFolder):
    before = CURVE_PLOTS["f1"].draw(gather(english_run), Texts("en", "report"), LIGHT)
    add_shifted_curves(english_run)
    assert CURVE_PLOTS["f1"].draw(gather(english_run), Texts("en", "report"), LIGHT) != before


def test_folds_have_shifted_curves_too(tmp_path: Path):
    run = write_folds(tmp_path / "run")
    add_shifted_curves(run)
    assert CURVE_PLOTS["f1"].draw(gather(run), Texts("ko", "report"), LIGHT).startswith(b"\x89PNG")
    assert "shift_epoch" not in findings(run)


def test_labels_of_three_lines_stand_apart():
    ends = [(0.97, "a", ""), (0.99, "b", ""), (0.9, "c", "")]
    heights = {text: height for height, text, _ in _apart(ends)}
    assert heights["c"] < heights["a"] < heights["b"]
    assert min(heights["b"] - heights["a"], heights["a"] - heights["c"]) >= LABEL_APART - 1e-9
    assert _apart([(0.1, "a", ""), (0.9, "b", "")]) == [(0.1, "a", ""), (0.9, "b", "")]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("language", "says", "reason"),
    [
        ("en", "no 90% interval can be stated", "because 2 of the 6 classes do not seem to occur"),
        ("ko", "90% 예측구간을 제시할 수", "클래스 6개 중 2개가 이 페이지들에 없는 것으로 보여"),
    ],
)
def test_an_expected_score_without_an_interval_says_why(shifted_run: RunFolder, language: str, says: str, reason: str):
    change(shifted_run.results_file, "expected", "interval", value=None)
    change(shifted_run.results_file, "expected", "absent", value=["memo", "a|b"])
    note = Remark("absent_classes", {"absent": 2, "classes": 6}).to_dict()
    change(shifted_run.results_file, "expected", "notes", value=[note])
    facts, texts = gather(shifted_run), Texts(language, "report")
    headline, sentences = str(summary_blocks(facts, texts)), shift_sentences(facts, texts)
    section = str(next(block for block in shift_blocks(facts, texts) if block.name == "expected"))
    assert says in headline
    assert says in sentences[-1]
    assert reason in section
    assert "memo, a|b" in section


@pytest.mark.usefixtures("undrawn")
def test_without_a_key_there_is_no_section(shifted_run: RunFolder):
    say = Texts("en", "report")
    for key in ("expected", "robustness", "shifted"):
        remove(shifted_run, key)
        facts = gather(shifted_run)
        names = {block.name for block in shift_blocks(facts, say)}
        assert key not in names
    assert names == set()
    for key, section in (("calibration", confidence_blocks), ("second_look", view_blocks), ("views", view_blocks)):
        remove(shifted_run, key)
        assert key not in {block.name.replace("view_gains", "views") for block in section(gather(shifted_run), say)}
    assert findings(shifted_run).keys() == {"shift_epoch"}  # the curves are still there


def test_without_all_keys_the_report_is_that_of_an_old_run(english_run: RunFolder, shifted_run: RunFolder):
    remove(shifted_run, *KEYS)
    for say in (Texts(language, "report") for language in ("en", "ko")):
        old, new = (summary_blocks(gather(run), say) for run in (english_run, shifted_run))
        assert old == new


@pytest.mark.parametrize(("value", "rule"), [(0.80, "shift_large"), (0.88, "shift_some"), (0.91, "shift_small")])
def test_the_drop_in_words(shifted_run: RunFolder, value: float, rule: str):
    change(shifted_run.results_file, "shifted", "macro_f1", value=value)
    found = findings(shifted_run)
    assert [name for name in found if name in ("shift_large", "shift_some", "shift_small")] == [rule]
    assert found[rule]["ratio"] == pytest.approx(value / 0.9164)


def test_what_suffers_is_named(shifted_run: RunFolder):
    found = findings(shifted_run)
    assert found["shift_classes"]["suffering"][0].name == ENGLISH[2]
    results = json.loads(shifted_run.results_file.read_text(encoding="utf-8"))
    damages = results["robustness"]["damages"]
    worst = min(damages, key=lambda damage: min(damage["macro_f1"]))
    first = found["damages_break"]["harmful"][0]
    assert (first.damage, first.drop) == (worst["damage"], pytest.approx(0.9164 - min(worst["macro_f1"])))
    assert all(cost.drop < 0.01 for cost in found["damages_bear"]["harmless"])
    facts = gather(shifted_run)
    assert facts.results.robustness is not None
    lows = [min(damage.macro_f1) for damage in facts.results.robustness.damages]
    assert lows == sorted(lows)


@pytest.mark.parametrize(
    ("public", "rules"),
    [
        (0.80, {"server_like_shifted", "expected_inside"}),
        (0.86, {"expected_outside"}),
        (0.90, {"server_like_clean", "expected_outside"}),
    ],
)
def test_the_server_takes_a_side(shifted_run: RunFolder, public: float, rules: set[str]):
    record_score(shifted_run, public=public)
    assert {name for name in findings(shifted_run) if name.startswith(("server", "expected"))} == rules


@pytest.mark.parametrize(("temperature", "rule"), [(1.4, "too_sure"), (0.7, "too_cautious"), (1.05, None)])
def test_confidence_in_words(shifted_run: RunFolder, temperature: float, rule: str | None):
    change(shifted_run.results_file, "calibration", "temperature", value=temperature)
    assert [name for name in findings(shifted_run) if name.startswith("too")] == ([rule] if rule else [])


def test_a_precision_that_is_out_of_reach(shifted_run: RunFolder):
    assert findings(shifted_run)["routable"]["coverage"] == pytest.approx(0.6907)
    row = {"target_precision": 0.95, "threshold": None, "coverage": 0.0, "precision": None}
    change(shifted_run.results_file, "calibration", "coverage", value=[row])
    assert findings(shifted_run)["not_routable"] == {"target": 0.95}


@pytest.mark.usefixtures("undrawn")
def test_views_that_hurt_are_named(shifted_run: RunFolder):
    say = Texts("en", "report")
    text = words(view_blocks(gather(shifted_run), say))
    assert "Harmful views: `transpose`, `scale_110`. Of these, `scale_110` is configured for this run" in text
    change(shifted_run.results_file, "views", "configured", value=["identity"])
    text = words(view_blocks(gather(shifted_run), say))
    assert "Harmful views: `transpose`, `scale_110`." in text
    assert "configured for" not in text
    rows = json.loads(shifted_run.results_file.read_text(encoding="utf-8"))["views"]["rows"]
    change(shifted_run.results_file, "views", "rows", value=[row for row in rows if row["verdict"] != "hurts"])
    assert say("views.none_hurts") in words(view_blocks(gather(shifted_run), say))
    assert "views_hurt" not in findings(shifted_run)


@pytest.mark.parametrize(
    ("used", "gain", "interval", "key"),
    [
        (True, 0.01, [0.002, 0.02], "used"),
        (False, 0.01, [-0.002, 0.02], "unused_small"),
        (False, -0.004, [-0.02, 0.01], "unused_worse"),
        (False, 0.01, [0.002, 0.02], "unused"),
    ],
)
@pytest.mark.usefixtures("undrawn")
def test_the_second_look_is_used_or_not(shifted_run: RunFolder, used: bool, gain: float, interval: list, key: str):
    for name, value in (("used", used), ("gain", gain), ("interval", interval)):
        change(shifted_run.results_file, "second_look", name, value=value)
    for say in (Texts(language, "report") for language in ("en", "ko")):
        text = words(inner(view_blocks(gather(shifted_run), say), "second_look"))
        assert [
            end for end in ("used", "unused_small", "unused_worse", "unused") if say(f"second_look.{end}") in text
        ] == [key]


@pytest.mark.usefixtures("undrawn")
def test_classes_are_sorted_by_what_they_lose(shifted_run: RunFolder):
    table = inner(shift_blocks(gather(shifted_run), Texts("en", "report")), "shift_classes")[0]
    assert isinstance(table, TableBlock)
    assert table.rows[0][0] == ENGLISH[2]
    changes = [float(row[3].replace("−", "-")) for row in table.rows]
    assert changes == sorted(changes)
    assert all(
        float(row[2]) - float(row[1]) == pytest.approx(float(row[3].replace("−", "-")), abs=2e-4) for row in table.rows
    )


def test_pages_outside_the_folder_are_not_shown(shifted_run: RunFolder, tmp_path: Path):
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    entry = {"id": "x", "severity": 1.0, "true": "letter", "predicted": "email", "confidence": 0.9}
    files = ("../../secret.jpg", str(tmp_path / "secret.jpg"), "gallery/000.jpg")
    damage = {"damage": "noise", "graded": True, "severities": [1.0], "macro_f1": [0.5]}
    broken = [{**entry, "file": file} for file in files]
    change(shifted_run.results_file, "robustness", "damages", value=[{**damage, "broken": broken}])
    facts = gather(shifted_run)
    assert facts.results.robustness is not None
    assert facts.results.robustness.damages[0].broken == ()


def test_pages_of_folds_are_shown(tmp_path: Path):
    """A page may break without a picture, and pictures of k-fold runs lie in the folders of the folds."""
    run = add_shift(write_folds(tmp_path / "plain"), tmp_path / "run")
    shutil.copytree(run.robustness_dir, run.fold(1).robustness_dir)
    entry = {"id": "x", "severity": 1.0, "true": "letter", "predicted": "email", "confidence": 0.9}
    broken = [{**entry, "file": f"fold1/robustness/{file.name}"} for file in sorted(run.robustness_dir.iterdir())[:1]]
    damage = {"damage": "noise", "graded": True, "severities": [1.0], "macro_f1": [0.5]}
    damages = [{**damage, "broken": [*broken, {**entry, "file": None}]}]
    change(run.results_file, "robustness", "damages", value=damages)
    facts = gather(run)
    assert facts.results.robustness is not None
    assert [(run.path / page.file).parent for page in facts.results.robustness.damages[0].broken] == [
        run.fold(1).robustness_dir
    ]


def test_one_damage_and_one_view_are_enough(shifted_run: RunFolder):
    damage = {"damage": "coffee_ring", "graded": False, "severities": [1.0], "macro_f1": [0.5], "broken": []}
    change(shifted_run.results_file, "robustness", "damages", value=[damage])
    row = {"view": "flip_vertical", "alone": None, "with_identity": 0.8, "gain": -0.0047, "interval": None}
    change(shifted_run.results_file, "views", "rows", value=[row])
    change(shifted_run.results_file, "calibration", "curve", value=[])
    change(shifted_run.results_file, "calibration", "val", value=None)
    say, facts = Texts("ko", "report"), gather(shifted_run)
    assert facts.results.robustness
    assert facts.results.views
    assert facts.results.calibration
    assert num_panels(facts.results.calibration) == 1
    for picture in (
        draw_robustness(facts, say, LIGHT),
        draw_views(facts, say, LIGHT),
        draw_calibration(facts, say, LIGHT),
    ):
        assert picture.startswith(b"\x89PNG")
    costs = findings(shifted_run)["damages_break"]["harmful"]
    assert [cost.damage for cost in costs] == ["coffee_ring"]
    assert "coffee ring" in sentence(Finding("damages_break", {"harmful": costs}), say)
    assert facts.results.views.rows[0].verdict == "unclear"


def test_what_to_try_next_is_a_valid_configuration(shifted_run: RunFolder):
    facts = gather(shifted_run)
    tried = experiments(facts, analyse(facts))
    words = [override for experiment in tried for override in experiment.overrides]
    assert {"augmentation.document=true", "monitor=val_shifted_macro_f1"} <= set(words)
    assert "monitor=val_macro_f1" not in words
    for experiment in tried[:4]:
        load_config(shifted_run.config_file, list(experiment.overrides))
    say = Texts("ko", "report")
    assert all(say(f"try.{name}", drop=0.1, best_f1=0.9, f1=0.8) for name in ("document_policy", "shifted_monitor"))


def test_remarks_are_said_in_the_language_of_the_report(shifted_run: RunFolder):
    expected = gather(shifted_run).results.expected
    assert expected is not None
    english, korean = ([Texts(language, "report").remark(note) for note in expected.notes] for language in ("en", "ko"))
    assert english == [
        "There are only 3 pages, so the real score depends much on chance.",
        "As {earlier} versions wrote.",
    ]
    assert "3장" in korean[0]
    assert korean[1] == english[1]


def test_leaderboard_has_shifted_and_expected_scores(english_run: RunFolder, tmp_path: Path):
    runs = english_run.path.parent
    add_shift(english_run, runs / "2507060101-shifted")
    change(runs / "2507060101-shifted" / "results.json", "val", "macro_f1", value=0.9)
    table = leaderboard(runs)
    assert list(table["name"]) == [NAME, "2507060101-shifted"]  # still by clean validation
    assert table["val_shifted_macro_f1"].tolist()[1] == 0.8047
    assert table["expected_macro_f1"].tolist()[1] == 0.7932
    assert table[["val_shifted_macro_f1", "expected_macro_f1"]].iloc[0].isna().all()
