"""Writes the report files of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from munseo._locale import Texts
from munseo._report.content import build
from munseo._report.facts import gather
from munseo._report.html import render_html
from munseo._report.markdown import render_markdown
from munseo._report.plots import draw_plots, plots_of
from munseo._run import RunFolder
from munseo._run.atomic import write_text


def write_report(run: RunFolder, languages: Sequence[str] = ("en", "ko")) -> list[Path]:
    """Write ``report.html`` and ``report.md`` (English), ``report.ko.html`` and ``report.ko.md`` (Korean).

    Plots that Markdown links to and that are missing are drawn first.

    Returns:
        The files that were written.

    Raises:
        UserError: The folder is not a run, its files are broken, or a language is unknown.
    """
    phrases = [Texts(language, "report") for language in languages]
    facts = gather(run)
    if any(not (run.path / name).is_file() for name in plots_of(facts)):
        draw_plots(run)
    written = []
    for say in phrases:
        document = build(facts, say)
        stem = "report" if say.language == "en" else f"report.{say.language}"
        for ending, text in (("html", render_html(document)), ("md", render_markdown(document))):
            written.append(run.path / f"{stem}.{ending}")
            write_text(written[-1], text)
    return written
