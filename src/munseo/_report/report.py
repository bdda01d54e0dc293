"""The report of a run: its sections, and the files that are written from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from munseo import __version__
from munseo._locale import LANGUAGES, Texts
from munseo._report.blocks import Block, ReportDocument, SectionBlock
from munseo._report.contact_sheet import read_picture, save_sheet
from munseo._report.content.analysis import analysis_blocks, next_step_blocks
from munseo._report.content.confidence import CALIBRATION_PLOT, confidence_blocks
from munseo._report.content.configuration import configuration_blocks
from munseo._report.content.confusion_matrix import CONFUSION_PLOT
from munseo._report.content.curves import CURVE_PLOTS
from munseo._report.content.damaged_pages import ROBUSTNESS_PLOT, shift_blocks
from munseo._report.content.ensemble import ensemble_blocks, ensemble_reproduction_blocks, ensemble_summary_blocks
from munseo._report.content.evaluations import evaluation_blocks, evaluation_plots
from munseo._report.content.mistakes import error_blocks
from munseo._report.content.overview import setup_blocks, summary_blocks
from munseo._report.content.reproduction import reproduction_blocks
from munseo._report.content.run_files import file_blocks
from munseo._report.content.training_course import course_blocks
from munseo._report.content.views import VIEWS_PLOT, view_blocks
from munseo._report.content.words import word_blocks
from munseo._report.facts import Facts, gather
from munseo._report.html import render_html
from munseo._report.markdown import render_markdown
from munseo._report.number_formats import percent
from munseo._report.plots import LIGHT, Plot
from munseo._run import RunFolder
from munseo._run.atomic import replacing, write_text

MISCLASSIFIED = "misclassified.png"
"""The contact sheet of the gallery."""

PRELIMINARY = '<meta name="munseo" content="preliminary">'
"""What a preliminary report has in its head: text of a run cannot look like it, since it is escaped."""

PLOTS = (*CURVE_PLOTS.values(), CONFUSION_PLOT, ROBUSTNESS_PLOT, CALIBRATION_PLOT, VIEWS_PLOT)
"""The plots that a run folder keeps as files. A new plot is one entry here, next to the section that shows it, and the
text ``file.NAME`` in both languages."""


Section = Callable[[Facts, Texts], tuple[Block, ...]]
"""Builds the content of a section; a section without content is left out."""

_MEASURED: dict[str, Section] = {
    "shift": shift_blocks,
    "errors": error_blocks,
    "words": word_blocks,
    "confidence": confidence_blocks,
    "views": view_blocks,
    "analysis": analysis_blocks,
}
_EVALUATIONS: dict[str, Section] = {"evaluations": evaluation_blocks}
_FILES: dict[str, Section] = {"files": partial(file_blocks, plots=[plot.file for plot in PLOTS])}

RUN_SECTIONS: dict[str, Section] = {
    "summary": summary_blocks,
    **_EVALUATIONS,
    "setup": setup_blocks,
    "configuration": configuration_blocks,
    "course": course_blocks,
    **_MEASURED,
    "next": next_step_blocks,
    **_FILES,
    "reproduction": reproduction_blocks,
}
"""The report of a run: the sections by name, which is their anchor and the key of their title.

A new section is one entry here, a file with its function, and its texts in both languages.
"""

ENSEMBLE_SECTIONS: dict[str, Section] = {
    "summary": ensemble_summary_blocks,
    "ensemble": ensemble_blocks,
    **_EVALUATIONS,
    **_MEASURED,
    "next": next_step_blocks,
    "setup": setup_blocks,
    **_FILES,
    "reproduction": ensemble_reproduction_blocks,
}
"""The report of an ensemble, which was not trained itself."""


def write_report(run: RunFolder, languages: Sequence[str] = LANGUAGES) -> list[Path]:
    """Write ``report.html`` and ``report.md`` (English), ``report.ko.html`` and ``report.ko.md`` (Korean).

    Plots that Markdown links to and that are missing are drawn first.

    Returns:
        The files that were written.

    Raises:
        UserError: The folder is not a run, its files are broken, or a language is unknown.
    """
    catalogues = [Texts(language, "report") for language in languages]
    facts = gather(run)
    if any(not file.is_file() for file in _pictures(facts)):
        draw_plots(run)
    written = []
    for texts in catalogues:
        document = build_document(facts, texts)
        contents = (render_html(document), render_markdown(document))
        for file, content in zip(_report_files(run, texts.language), contents, strict=True):
            write_text(file, content)
            written.append(file)
    return written


def write_preliminary(run: RunFolder) -> Path:
    """Write the report of a run that was trained and not judged yet, as HTML in every language; return the English one.

    It says that it is preliminary, and ``write_report`` replaces it.
    """
    facts = gather(run)
    for language in LANGUAGES:
        page = render_html(build_document(facts, Texts(language, "report")))
        write_text(_report_files(run, language)[0], page)
    return _report_files(run, "en")[0]


def missing_files(run: RunFolder) -> list[Path]:
    """Return the pictures and reports that a finished run has and this one lacks, or has in their preliminary form."""
    files = [*_pictures(gather(run)), *(file for language in LANGUAGES for file in _report_files(run, language))]
    return [file for file in files if not file.is_file() or _is_preliminary(file)]


def _is_preliminary(file: Path) -> bool:
    return file.suffix == ".html" and PRELIMINARY in file.read_text(encoding="utf-8", errors="replace")


def remove_files(run: RunFolder) -> None:
    """Remove the pictures and reports of a run, which describe results that it is going to replace."""
    pictures = [run.path / name for name in (*(plot.file for plot in PLOTS), MISCLASSIFIED)]
    for file in (*_report_files(run, "en"), *_report_files(run, "ko"), *pictures):
        file.unlink(missing_ok=True)


def _report_files(run: RunFolder, language: str) -> tuple[Path, Path]:
    """Return the report in a language, as HTML and as Markdown."""
    stem = "report" if language == "en" else f"report.{language}"
    return run.path / f"{stem}.html", run.path / f"{stem}.md"


def _pictures(facts: Facts) -> list[Path]:
    names = [plot.file for plot in plots_of(facts)] + ([MISCLASSIFIED] if facts.gallery else [])
    return [facts.run.path / name for name in names]


def build_document(facts: Facts, texts: Texts) -> ReportDocument:
    """Build the report in one language, with the sections that have content."""
    number, ensemble = facts.get("id") or facts.run.name, facts.results.ensemble
    sections = [
        SectionBlock(name, texts(name), build(facts, texts))
        for name, build in (ENSEMBLE_SECTIONS if ensemble else RUN_SECTIONS).items()
    ]
    return ReportDocument(
        language=texts.language,
        kicker=texts("ensemble.kicker" if ensemble else "kicker", id=number),
        title=texts("ensemble.title", count=len(ensemble.members)) if ensemble else facts.config.model_name,
        subtitle=facts.get("name") or facts.run.name,
        contents=texts("contents"),
        sections=tuple(section for section in sections if section.blocks),
        footer=texts("footer", version=__version__),
        is_preliminary=facts.is_preliminary,
    )


def plots_of(facts: Facts) -> list[Plot]:
    """Return the plots that the run has figures for."""
    return [*(plot for plot in PLOTS if plot.is_known(facts)), *evaluation_plots(facts)]


def draw_plots(run: RunFolder) -> list[Path]:
    """Draw the plots of all sections, and the misclassified pages, in the language of the configuration.

    Plots that the run has no figures for are left out.

    Returns:
        The files that were written.
    """
    facts = gather(run)
    texts = Texts(facts.config.language, "report")
    files = []
    for plot in plots_of(facts):
        files.append(run.path / plot.file)
        with replacing(files[-1]) as temporary:
            temporary.write_bytes(plot.drawn(facts, texts, LIGHT))
    if facts.gallery:
        files.append(run.path / MISCLASSIFIED)
        _draw_misclassified(facts, texts, files[-1])
    return files


def _draw_misclassified(facts: Facts, texts: Texts, path: Path) -> None:
    images, captions = [], []
    for mistake in facts.gallery:
        images.append(np.asarray(read_picture(mistake.file)))
        pair = texts("arrow", true=mistake.true, predicted=mistake.predicted)
        captions.append(f"{pair}\n{percent(mistake.confidence, 0)}")
    save_sheet(path, images, captions, title=texts("plot.misclassified"))
