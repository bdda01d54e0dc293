"""Section: the labelled test sets that the run was judged on after training, and what had been announced for them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from matplotlib.figure import Figure

from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import (
    Block,
    Bullets,
    Estimate,
    Intervals,
    Note,
    Number,
    Numbers,
    Picture,
    Pictures,
    SectionBlock,
    TableBlock,
    Text,
)
from munseo._report.content.confidence import BOTTOM_IN, LEFT_IN, PANEL_IN, RIGHT_IN, TOP_IN, draw_reliability
from munseo._report.content.confusion_matrix import draw_matrix, matrix_widths_px
from munseo._report.content.mistakes import per_class_table
from munseo._report.facts import Facts
from munseo._report.plots import Plot, Theme, drawing, png
from munseo._run.evaluations import RunComparison, TestScores
from munseo._run.results import Coverage

CONFUSION, CALIBRATION = "confusion_matrix.png", "calibration.png"


def evaluation_blocks(facts: Facts, texts: Texts) -> tuple[Block, ...]:
    """Return a section for each test set, the one that was judged last first."""
    sections = [
        SectionBlock(f"evaluation-{number}", texts("evaluation.title", name=scores.name), _blocks(facts, scores, texts))
        for number, scores in enumerate(facts.evaluations, start=1)
    ]
    return (Text(texts("evaluations.about"), quiet=True), *sections) if sections else ()


def evaluation_plots(facts: Facts) -> list[Plot]:
    """Return the plots of all test sets, which are files in the folders of their evaluations."""
    return [plot for scores in facts.evaluations for plot in (_confusion_plot(scores), _calibration_plot(scores))]


def _blocks(facts: Facts, scores: TestScores, texts: Texts) -> tuple[Block, ...]:
    blocks: list[Block] = [
        Numbers(_numbers(scores, texts)),
        Intervals(texts("evaluation.estimates"), _rows(facts, scores, texts)),
    ]
    if scores.expected is not None and scores.held_expectation is False:
        values = {"score": fm.score(scores.macro_f1), "interval": fm.span(scores.expected.interval)}
        blocks.append(Note(texts("evaluation.outside_title"), texts("evaluation.outside", **values)))
    counts = {"pages": fm.count(scores.num_pages), "left_out": fm.count(scores.left_out.num_pages)}
    time = fm.moment(scores.evaluated, texts)
    blocks.append(Text(texts("evaluation.sentence", data=scores.data, time=time, **counts)))
    if scores.notes:
        blocks.append(Bullets(tuple(_capital(texts.remark(note)) for note in scores.notes)))
    blocks += _comparison(scores.comparisons, texts)
    blocks.append(per_class_table(scores, texts))
    narrowest, widest = matrix_widths_px(len(scores.per_class))
    confusion = _confusion_plot(scores).picture(
        facts, texts, texts("confusion"), texts("confusion.caption"), narrowest, widest
    )
    calibration = _calibration_plot(scores).picture(
        facts, texts, texts("calibration"), texts("calibration.caption_short"), 280, 340
    )
    blocks += [
        _wide(confusion),
        *_coverage(scores.coverage, texts),
        Text(_calibration(scores, texts)),
        _wide(calibration),
    ]
    return tuple(blocks)


def _wide(picture: Picture) -> Pictures:
    return Pictures((picture,), "wide")


def _numbers(scores: TestScores, texts: Texts) -> tuple[Number, ...]:
    right = texts("pages_right", num_right=scores.num_pages - scores.num_errors, num_val=scores.num_pages)
    interval = fm.interval_of(scores, texts)
    numbers = [Number(texts("macro_f1"), fm.score(scores.macro_f1), interval)]
    if scores.expected is not None:
        announced = fm.bounds(scores.expected.interval, "interval_of_90", texts)
        numbers.append(Number(texts("evaluation.expected"), fm.score(scores.expected.macro_f1), announced))
    numbers.append(Number(texts("accuracy"), fm.percent(scores.accuracy, 2), right))
    error = texts("evaluation.before_scaling", value=fm.score(scores.reliability.ece_before))
    numbers.append(Number(texts("evaluation.ece"), fm.score(scores.reliability.ece_after), error))
    return tuple(numbers)


def _rows(facts: Facts, scores: TestScores, texts: Texts) -> tuple[Estimate, ...]:
    rows = [Estimate(texts("evaluation.measured"), scores.macro_f1, scores.macro_f1_interval, "server")]
    if scores.expected is not None:
        label = texts("evaluation.expected_90")
        rows.append(Estimate(label, scores.expected.macro_f1, scores.expected.interval, "other"))
    val, shifted = facts.results.val, facts.results.shifted
    if val is not None:
        rows.append(Estimate(texts("estimates.clean"), val.macro_f1, val.macro_f1_interval, "val"))
    if shifted is not None:
        rows.append(Estimate(texts("estimates.shifted"), shifted.macro_f1, shifted.macro_f1_interval, "shifted"))
    return tuple(rows)


def _comparison(comparisons: Sequence[RunComparison], texts: Texts) -> list[Block]:
    if not comparisons:
        return []
    keys = ("evaluation.other_run", "support", "evaluation.own", "evaluation.other", "evaluation.difference",
            "evaluation.conclusion")  # fmt: skip
    rows = [
        (
            f"`{entry.run}`",
            fm.count(entry.num_pages),
            fm.score(entry.macro_f1),
            fm.score(entry.other_macro_f1),
            f"{fm.signed(entry.difference.difference)} ({fm.signed_span(entry.difference.interval)})",
            texts(f"evaluation.conclusion.{_conclusion(entry)}"),
        )
        for entry in comparisons
    ]
    return [TableBlock.titled(texts, keys, rows, words=(0, 5)), Text(texts("evaluation.paired"), quiet=True)]


def _conclusion(comparison: RunComparison) -> str:
    conclusion = comparison.difference.conclusion
    return conclusion if conclusion in ("better", "worse") else "same"


def _coverage(rows: Sequence[Coverage], texts: Texts) -> list[Block]:
    known = [row for row in rows if row.threshold is not None]
    if not known:
        return []
    keys = ("coverage.target", "coverage.threshold", "coverage.share", "coverage.reached")
    cells = [
        (
            f"{100 * row.target_precision:g}%",
            f"{row.threshold:.4f}",
            fm.percent(row.coverage),
            fm.percent(row.precision),
        )
        for row in known
    ]
    return [TableBlock.titled(texts, keys, cells), Text(texts("evaluation.coverage"), quiet=True)]


def _calibration(scores: TestScores, texts: Texts) -> str:
    errors = {"before": fm.score(scores.reliability.ece_before), "after": fm.score(scores.reliability.ece_after)}
    sentence = texts("evaluation.calibration", temperature=f"{scores.temperature:.3f}", **errors)
    before, after = scores.reliability.ece_before, scores.reliability.ece_after
    is_worse = before is not None and after is not None and after > before
    return f"{sentence} {texts('evaluation.calibration_worse')}" if is_worse else sentence


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _confusion_plot(scores: TestScores) -> Plot:
    return Plot(
        f"evaluations/{scores.name}/{CONFUSION}", partial(_draw_confusion, scores), lambda facts: True, ("evaluations",)
    )


def _calibration_plot(scores: TestScores) -> Plot:
    return Plot(
        f"evaluations/{scores.name}/{CALIBRATION}",
        partial(_draw_calibration, scores),
        lambda facts: True,
        ("evaluations",),
    )


def _draw_confusion(scores: TestScores, facts: Facts, texts: Texts, theme: Theme) -> bytes:
    return draw_matrix(scores, texts("plot.confusion_test", pages=scores.num_pages), texts, theme)


def _draw_calibration(scores: TestScores, facts: Facts, texts: Texts, theme: Theme) -> bytes:
    """Draw the reliability diagram of the test set as PNG."""
    width, height = LEFT_IN + PANEL_IN + RIGHT_IN, TOP_IN + PANEL_IN + BOTTOM_IN
    with drawing(theme):
        figure = Figure(figsize=(width, height))
        axes = figure.add_axes((LEFT_IN / width, BOTTOM_IN / height, PANEL_IN / width, PANEL_IN / height))
        draw_reliability(axes, texts("plot.reliability_test"), scores.reliability, theme.val, texts, theme)
        return png(figure, theme, tight=False)
