"""``munseo doctor DATA``; ``munseo doctor fix`` is in fix.py."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from munseo._commands import options
from munseo._console import quietly, say
from munseo._errors import UserError

if TYPE_CHECKING:
    from munseo._doctor.judge import Judge

EXAMPLES = (
    "`munseo doctor data/rvl5` writes doctor-rvl5/doctor.html and issues.csv",
    "`munseo doctor data/rvl5 --run runs/2507… -o checks/rvl5`",
    "`munseo doctor data/rvl5 --excel` writes issues.xlsx too",
)
FILE_ENDINGS = (".csv", ".xlsx", ".parquet", ".html")
"""Endings of names that are meant as files, and not as the folder of all files."""
ISSUES, WORKBOOK, PAGE = "issues.csv", "issues.xlsx", "doctor.html"


@dataclass(frozen=True)
class Checkup:
    """The result of ``doctor``; ``doctor.html`` and ``issues.csv`` are in ``folder``.

    ``counts`` has the number of issues of each kind that occurs, the most urgent kind first; ``high`` is the number of
    issues that should be fixed first. ``judge`` says how often the model that judged the labels agrees with the table;
    None where no label was judged. ``workbook`` is ``issues.xlsx``; None where it was not asked for.
    """

    folder: Path
    counts: dict[str, int]
    high: int
    num_pages: int
    judge: Judge | None = None
    workbook: Path | None = None


def doctor(
    data: options.DataArgument,
    run: Annotated[
        Path | str | None,
        typer.Option(help="A run with the same classes: it helps to judge the labels, and shows what has changed."),
    ] = None,
    out: Annotated[
        Path | str | None, typer.Option("--out", "-o", help="Output folder; default: doctor-DATA, here.")
    ] = None,
    *,
    language: options.LanguageOption = "en",
    excel: Annotated[
        bool,
        typer.Option("--excel", help="Write issues.xlsx too, and begin issues.csv with the mark that Excel needs."),
    ] = False,
    seed: options.Seed = 42,
    train_table: options.TrainTable = None,
    val_table: options.ValTable = None,
    image_dir: options.ImageDir = None,
    test_dir: options.TestDir = None,
    id_column: options.IdColumn = None,
    target_column: options.TargetColumn = None,
    follow_links: options.FollowAllLinks = False,
    quiet: options.Quiet = False,
) -> Checkup:
    """Look for broken files, copies, leaks, wrong labels and missing classes; nothing is changed (type `doctor DATA`).

    The validation predictions of a run help to judge the labels; those of a k-fold run are used instead of training on
    the pages here.

    Returns:
        What was found, and the folder that holds the page and the table of issues.

    Raises:
        UserError: The tables are wrong, the run has other classes or was changed, or the language is unknown.
    """
    from munseo._locale import Texts
    from munseo._run import check_fingerprints, open_run

    Texts(language, "doctor")  # an unknown language is reported before minutes of work
    if out is not None and Path(out).suffix.lower() in FILE_ENDINGS:
        raise UserError(
            f"{out}: the doctor writes several files; name a folder with -o, and add --excel for a workbook."
        )
    folder = options.existing_data(data)
    opened = open_run(run) if run is not None else None
    from munseo._data import DataLayout, load_pages
    from munseo._doctor import KINDS, examine, issue_table, write_issues
    from munseo._doctor.findings_page import render_page
    from munseo._run.atomic import write_text

    with quietly(quiet):
        if opened is not None:
            check_fingerprints(opened)
        layout = DataLayout(train_table, val_table, image_dir, test_dir, id_column, target_column, follow_links)
        pages = load_pages(folder, layout, keeps_missing=True)
        for note in pages.notes:
            say(note)
        findings = examine(pages, opened, seed)
        for remark in findings.notes:
            say(str(remark))
        name = folder.resolve().name
        target = Path(out) if out else Path(f"doctor-{name}")
        target.mkdir(parents=True, exist_ok=True)
        issues = issue_table(findings.issues, findings.class_targets, findings.class_names)
        workbook = target / WORKBOOK if excel else None
        write_issues(target / ISSUES, issues, workbook)
        write_text(target / PAGE, render_page(findings, name, language))
    counted = Counter(issue.kind for issue in findings.issues)
    counts = {kind: counted[kind] for kind in KINDS if counted[kind]}
    num_high = sum(issue.severity == "high" for issue in findings.issues)
    return Checkup(target, counts, num_high, len(findings.pages), findings.judge, workbook)


def show(checkup: Checkup) -> None:
    """Print the number of findings of each kind, and the files."""
    from rich.console import Console
    from rich.table import Table

    from munseo._locale import Texts

    texts = Texts("en", "doctor")
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right")
    table.add_column()
    for kind, count in checkup.counts.items():
        table.add_row(f"{count:,}", texts(kind))
    if checkup.counts:
        Console().print(table)
    num_findings = sum(checkup.counts.values())
    typer.echo(f"{checkup.num_pages:,} pages, {num_findings:,} findings, {checkup.high:,} to fix first")
    typer.echo(checkup.folder / PAGE)
    typer.echo(checkup.folder / ISSUES)
    if checkup.workbook is not None:
        typer.echo(checkup.workbook)
