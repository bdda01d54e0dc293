"""The section of labelled test sets: the score, what was expected, who else was compared, and what was left out."""

from __future__ import annotations

from typing import Any

import pytest

from munseo._locale import Remark, Texts
from munseo._report.blocks import Bullets, Note, Numbers, SectionBlock, TableBlock
from munseo._report.content.evaluations import evaluation_blocks, evaluation_plots
from munseo._report.content.overview import summary_blocks
from munseo._report.facts import gather
from munseo._report.plots import DARK
from munseo._run import RunFolder
from munseo._run.atomic import write_json


def evaluate_by_hand(run: RunFolder, name: str, **changes: Any) -> None:
    """Write an evaluation with the scores of the run's validation and what else is given."""
    val = run.read_json(run.results_file)["val"]
    entries = {
        "evaluated": "2026-07-05T10:00:00+09:00",
        "data": "/data/test_set",
        "left_out": {"trained": 12, "near_copies": 3, "unknown": [{"class": "form", "count": 5}]},
        "temperature": 1.4,
        "reliability": {"ece_before": 0.09, "ece_after": 0.03, "bins": [
            {"low": 0.8, "high": 0.9, "count": 40, "confidence": 0.85, "accuracy": 0.8},
        ]},
        "coverage": [{"target_precision": 0.95, "threshold": 0.7, "coverage": 0.6, "precision": 0.93},
                     {"target_precision": 0.99, "threshold": None, "coverage": 0.0, "precision": None}],
        "expected": {"macro_f1": 0.9, "interval": [0.88, 0.93], "num_pages": 236},
        "notes": [Remark("evaluate.trained", {"count": 12}).to_dict()],
    }  # fmt: skip
    write_json(run.evaluation_dir(name) / "results.json", {**val, **entries, "name": name, **changes})


@pytest.fixture
def judged(english_run: RunFolder) -> RunFolder:
    english_run.evaluation_dir("mine").mkdir(parents=True)
    evaluate_by_hand(english_run, "mine")
    return english_run


def blocks_of(run: RunFolder, language: str = "en") -> tuple[Any, ...]:
    """The blocks of the only test set."""
    _, section = evaluation_blocks(gather(run), Texts(language, "report"))
    assert isinstance(section, SectionBlock)
    return section.blocks


def test_a_run_without_test_sets_has_no_section(english_run):
    assert evaluation_blocks(gather(english_run), Texts("en", "report")) == ()
    assert evaluation_plots(gather(english_run)) == []


def test_the_score_stands_beside_the_expected_one(judged):
    numbers = next(block for block in blocks_of(judged) if isinstance(block, Numbers)).items
    assert [(number.label, number.value) for number in numbers] == [
        ("Macro-F1", "0.9164"), ("Expected without the labels", "0.9000"), ("Accuracy", "91.95%"),
        ("Expected calibration error", "0.0300"),
    ]  # fmt: skip
    assert not [block for block in blocks_of(judged) if isinstance(block, Note)], "0.9164 is in 0.88 to 0.93"


@pytest.mark.parametrize(("language", "words"), [("en", "may be too narrow"), ("ko", "좁을 수 있습니다")])
def test_few_groups_are_named_beside_every_interval(judged, language, words):
    results = judged.read_json(judged.results_file)
    few = {"num_groups": 12, "effective_groups": 9.4}
    write_json(judged.results_file, {**results, "val": {**results["val"], **few}})
    evaluate_by_hand(judged, "mine", **few)
    texts = Texts(language, "report")
    for blocks in (blocks_of(judged, language), summary_blocks(gather(judged), texts)):
        numbers = next(block for block in blocks if isinstance(block, Numbers)).items
        [remark] = [number.remark for number in numbers if "95%" in number.remark]
        assert remark.endswith(words)
        assert "12" in remark
        assert "9" in remark


def test_a_broken_promise_is_a_warning(judged):
    evaluate_by_hand(judged, "mine", expected={"macro_f1": 0.96, "interval": [0.93, 0.98]})
    (note,) = [block for block in blocks_of(judged) if isinstance(block, Note)]
    assert "0.9164" in note.text
    assert "0.9300–0.9800" in note.text


def test_without_an_expected_interval_nothing_is_claimed(judged):
    for expected in (None, {"macro_f1": 0.5}):
        evaluate_by_hand(judged, "mine", expected=expected)
        assert not [block for block in blocks_of(judged) if isinstance(block, Note)]


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "Pages left out, because the run was trained on these files: 12"),
        ("ko", "학습에 쓴 파일이라서 제외한 페이지: 12장"),
    ],
)
def test_what_was_left_out_is_said(judged, language, sentence):
    (bullets,) = [block for block in blocks_of(judged, language) if isinstance(block, Bullets)]
    assert bullets.items == (sentence,)
    assert any("20" in getattr(block, "text", "") for block in blocks_of(judged, language)), "12 + 3 + 5 in all"


def test_a_temperature_that_does_harm_is_named(judged):
    def said() -> bool:
        return any("less reliable" in getattr(block, "text", "") for block in blocks_of(judged))

    assert not said()
    evaluate_by_hand(judged, "mine", reliability={"ece_before": 0.1, "ece_after": 0.3, "bins": []})
    assert said()


def test_a_threshold_that_validation_does_not_give_is_not_shown(judged):
    tables = [block for block in blocks_of(judged) if isinstance(block, TableBlock)]
    assert [table.rows for table in tables if table.header[0] == "Target precision"] == [
        (("95%", "0.7000", "60.0%", "93.0%"),)
    ]


@pytest.mark.parametrize(
    ("conclusion", "word"), [("better", "better"), ("worse", "worse"), ("not distinguishable", "not distinguishable")]
)
def test_the_comparison_says_who_is_better(judged, conclusion, word):
    difference = {"difference": -0.01, "interval": [-0.03, 0.01], "p_better": 0.2, "conclusion": conclusion}
    entry = {"run": "rival", "num_pages": 200, "macro_f1": 0.91, "other_macro_f1": 0.92, "difference": difference}
    evaluate_by_hand(judged, "mine", comparisons=[entry])
    (table,) = [b for b in blocks_of(judged) if isinstance(b, TableBlock) and b.header[0] == "Other run"]
    assert table.rows == (("`rival`", "200", "0.9100", "0.9200", "−0.0100 (−0.0300 … +0.0100)", word),)


def test_several_sets_lie_side_by_side_the_latest_first(judged):
    judged.evaluation_dir("later").mkdir()
    evaluate_by_hand(judged, "later", evaluated="2026-08-01T10:00:00+09:00")
    _, *sections = evaluation_blocks(gather(judged), Texts("en", "report"))
    assert [section.title for section in sections] == ["Test set: later", "Test set: mine"]
    assert len({section.name for section in sections}) == 2
    files = [plot.file for plot in evaluation_plots(gather(judged))]
    assert files == [
        f"evaluations/{name}/{plot}"
        for name in ("later", "mine")
        for plot in ("confusion_matrix.png", "calibration.png")
    ]


def test_plots_can_be_drawn_in_the_dark_and_without_bins(judged):
    evaluate_by_hand(judged, "mine", reliability={"ece_before": None, "ece_after": None, "bins": []})
    facts = gather(judged)
    for plot in evaluation_plots(facts):
        assert plot.draw(facts, Texts("ko", "report"), DARK).startswith(b"\x89PNG")
