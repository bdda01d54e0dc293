"""Pictures are whole PNGs, and Hangul is drawn as Hangul."""

from __future__ import annotations

import logging
import sys
import warnings
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fake_run import ENGLISH, HANGUL, change, put, write_folds, write_run
from PIL import Image

from munseo._locale import Texts
from munseo._report import draw_plots, save_sheet
from munseo._report.content.confusion_matrix import CONFUSION_PLOT, distinct, shorten, wrap_label
from munseo._report.facts import Facts, gather
from munseo._report.plots import _DRAWN, DARK, LIGHT
from munseo._report.report import plots_of
from munseo._run import RunFolder
from munseo._synth import KINDS

NAMES = ["loss_plot.png", "accuracy_plot.png", "f1_plot.png", "val_confusion_matrix.png", "misclassified.png"]
DOCUMENTS = [kind.name for kind in KINDS]


def size(file: Path) -> tuple[int, int]:
    with Image.open(file) as image:
        image.verify()
        assert image.format == "PNG"
        return image.size


@pytest.mark.parametrize("names", [HANGUL, ENGLISH, ("예", "no"), tuple(f"종류 {i}" for i in range(26))])
def test_plots_of_any_number_of_classes(tmp_path: Path, names: tuple[str, ...], caplog: pytest.LogCaptureFixture):
    run = write_run(tmp_path / "run", ENGLISH, {"language": "ko"})
    eye = np.eye(len(names), dtype=int) * 5
    per_class = [{"class": name, "precision": 1, "recall": 1, "f1": 1, "support": 5} for name in names]
    change(run.results_file, "val", "per_class", value=per_class)
    change(run.results_file, "val", "confusion", value=eye.tolist())
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error", UserWarning)  # a glyph that the font lacks is a warning of matplotlib
        files = draw_plots(run)
    assert [file.name for file in files] == NAMES
    assert caplog.records == []
    assert all(min(size(file)) > 250 for file in files)
    assert not list(run.path.glob(".*tmp"))


def test_hangul_letters_differ_from_each_other(tmp_path: Path):
    """Boxes in place of letters would be the same picture for any two names."""
    pictures = []
    for name in ("가나다", "마바사"):
        file = tmp_path / f"{name}.png"
        save_sheet(file, [np.full((8, 8, 3), 255, np.uint8)], [name])
        pictures.append(file.read_bytes())
    assert pictures[0] != pictures[1]


def test_the_same_run_gives_the_same_bytes(english_run: RunFolder):
    first = [file.read_bytes() for file in draw_plots(english_run)]
    _DRAWN.clear()
    assert [file.read_bytes() for file in draw_plots(english_run)] == first


class Unread:
    """A fact that a plot must not read."""

    def __getattribute__(self, name):
        raise AssertionError(f"the plot reads {name}, and does not say so")

    __iter__ = __len__ = __bool__ = lambda self: self.anything


def only(facts: Facts, names: tuple[str, ...]) -> Facts:
    """The same facts, of which only those with these names can be read."""
    whole = {field.name: Unread() for field in fields(facts)}
    for name in names:
        outer, _, inner = name.partition(".")
        part = getattr(facts, outer)
        if inner:
            values = {} if isinstance(whole[outer], Unread) else vars(whole[outer])
            part = SimpleNamespace(**values, **{inner: getattr(part, inner)})
        whole[outer] = part
    return replace(facts, **whole)


def test_plots_are_drawn_from_the_facts_that_they_name(finished):
    """A plot is kept by these facts: if it read others, an old one would be shown."""
    facts, texts = gather(finished), Texts("en", "report")
    plots = plots_of(facts)
    assert len(plots) >= 6
    for plot in plots:
        assert plot.draw(only(facts, plot.reads), texts, LIGHT) == plot.draw(facts, texts, LIGHT)


def test_a_plot_is_drawn_once_for_the_same_facts(english_run: RunFolder, monkeypatch: pytest.MonkeyPatch):
    drawn = []
    plot = replace(CONFUSION_PLOT, draw=lambda *given: drawn.append(given) or b"drawn")
    _DRAWN.clear()
    facts = gather(english_run)
    for language, theme in (("en", LIGHT), ("en", LIGHT), ("ko", LIGHT), ("en", DARK), ("ko", LIGHT)):
        assert plot.drawn(facts, Texts(language, "report"), theme) == b"drawn"
    assert len(drawn) == 3
    change(english_run.results_file, "val", "macro_f1", value=0.5)
    plot.drawn(gather(english_run), Texts("en", "report"), LIGHT)
    assert len(drawn) == 4
    monkeypatch.setattr("munseo._report.plots.MAX_DRAWN", 2)
    change(english_run.results_file, "val", "macro_f1", value=0.6)
    plot.drawn(gather(english_run), Texts("en", "report"), LIGHT)
    assert len(_DRAWN) == 2


def test_folds_are_drawn_together(tmp_path: Path):
    run = write_folds(tmp_path / "run")
    assert [file.name for file in draw_plots(run)] == NAMES


def test_one_epoch_and_no_gallery(english_run: RunFolder):
    english_run.write_table(english_run.metrics_file, english_run.read_metrics().head(1))
    change(english_run.manifest_file, "course", "best_epoch", value=0)
    put(english_run.gallery_dir / "pages.json", [])
    assert [file.name for file in draw_plots(english_run)] == NAMES[:-1]


def test_signs_in_names_are_not_formulas(english_run: RunFolder):
    per_class = [{"class": f"$x_{i}^", "precision": 1, "recall": 1, "f1": 1, "support": 5} for i in range(2)]
    change(english_run.results_file, "val", "per_class", value=per_class)
    change(english_run.results_file, "val", "confusion", value=[[5, 0], [0, 5]])
    assert len(draw_plots(english_run)) == len(NAMES)


def test_drawing_leaves_matplotlib_as_it_was(english_run: RunFolder):
    import matplotlib

    before = dict(matplotlib.rcParams)
    draw_plots(english_run)
    assert dict(matplotlib.rcParams) == before
    assert "koreanize_matplotlib" not in sys.modules


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 6, 1), (6, 6, 1), (7, 6, 2), (5, 2, 3)])
def test_sheet_holds_every_page(tmp_path: Path, count: int, columns: int, rows: int):
    images = [np.full((30 + 40 * i, 60, 3), 40 * i % 255, np.uint8) for i in range(count)]
    file = tmp_path / "sheet.png"
    save_sheet(file, images, ["eda"] * count, columns=columns, title="증강된 학습 이미지")
    width, height = size(file)
    assert width == 56 + min(count, columns) * 240 + (min(count, columns) - 1) * 20
    assert rows * 240 < height < rows * 320 + 120


def test_long_captions_wrap_within_their_page(tmp_path: Path):
    file = tmp_path / "sheet.png"
    save_sheet(
        file, [np.zeros((9, 9, 3), np.uint8)], ["가" * 300 + "\n98%"], title="a title that is longer than one page"
    )
    assert size(file) == (296, 452)


def test_labels_wrap_and_shorten():
    assert wrap_label("letter") == "letter"
    assert wrap_label("임신 의료비 지급 신청서") == "임신 의료비 지급\n신청서"
    assert wrap_label("application_for_payment_of_expenses").split("\n") == ["application_for_", "payment_of_expenses"]
    assert wrap_label("x" * 200).count("\n") == 2
    assert shorten("임신 의료비 지급 신청서", 22) == "임신 의료비…급 신청서"
    assert shorten("이력서", 22) == "이력서"
    assert wrap_label("vehicle_" * 20 + "plate").endswith("_plate")


@pytest.mark.parametrize("names", [DOCUMENTS, ["long_name_of_a_" * 9 + end for end in ("kind", "sort", "type")],
                                   [f"{'a' * 60}{letter}{'b' * 60}" for letter in "xyz"]])  # fmt: skip
def test_no_two_labels_are_equal(names: list[str]):
    for labels in ([shorten(name, 22) for name in names], [wrap_label(name) for name in names]):
        assert len(set(distinct(labels))) == len(names)


def test_names_that_differ_at_their_end_need_no_number():
    labels = [shorten(name, 22) for name in DOCUMENTS]
    assert distinct(labels) == labels
    assert labels[-2:] == ["vehicle_reg…ertificate", "vehicle_reg…tion_plate"]
