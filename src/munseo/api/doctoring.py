"""``munseo doctor``."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from munseo._console import quietly, say
from munseo._data import DataLayout, load_pages
from munseo._doctor import KINDS, examine, issue_table
from munseo._doctor.findings_page import render_page
from munseo._locale import Texts
from munseo._run import check_fingerprints, open_run
from munseo._run.atomic import write_text

ISSUES, PAGE = "issues.csv", "doctor.html"


@dataclass(frozen=True)
class Checkup:
    """What ``doctor`` found.

    Attributes:
        folder: Where ``doctor.html`` and ``issues.csv`` are.
        counts: Issues by kind, the most urgent kind first; only kinds that occur.
        high: Issues that should be mended first.
        num_pages: Pages that were looked at.
    """

    folder: Path
    counts: dict[str, int]
    high: int
    num_pages: int


def doctor(
    data: Path | str,
    run: Path | str | None = None,
    out: Path | str | None = None,
    *,
    language: str = "en",
    seed: int = 42,
    train_table: str | None = None,
    val_table: str | None = None,
    image_dir: str | None = None,
    test_dir: str | None = None,
    id_column: str | None = None,
    target_column: str | None = None,
    quiet: bool = False,
) -> Checkup:
    """Look for what is wrong with the pages and labels of a data folder. Nothing in it is changed.

    Args:
        data: The data folder.
        run: A run of the same classes. Its validation predictions help to judge the labels (those of a k-fold run
            judge them alone), and what has changed since it was trained is told.
        out: Where the results go; by default ``doctor-<name of the data folder>``.
        language: Of the page: ``en`` or ``ko``.
        seed: Of the folds in which labels are judged.
        train_table: As in ``DataLayout``, and so are the next ones.
        val_table: Table of the validation part.
        image_dir: Folder of the images.
        test_dir: Folder of the test part.
        id_column: Column of the file names.
        target_column: Column of the labels.
        quiet: Print nothing but errors.

    Raises:
        UserError: The tables are wrong, the run has other classes or is not what it was, or the language is unknown.
    """
    folder = Path(data)
    Texts(language, "doctor")  # an unknown language is said before minutes of work
    with quietly(quiet):
        opened = open_run(run) if run is not None else None
        if opened is not None:
            check_fingerprints(opened)
        layout = DataLayout(train_table, val_table, image_dir, test_dir, id_column, target_column)
        pages = load_pages(folder, layout)
        for note in pages.notes:
            say(note)
        found = examine(pages, opened, seed)
        for remark in found.notes:
            say(str(remark))
        name = folder.resolve().name
        target = Path(out) if out else Path(f"doctor-{name}")
        target.mkdir(parents=True, exist_ok=True)
        write_text(
            target / ISSUES, issue_table(found.issues, found.class_targets).to_csv(index=False, lineterminator="\n")
        )
        write_text(target / PAGE, render_page(found, name, language))
    counted = Counter(issue.kind for issue in found.issues)
    counts = {kind: counted[kind] for kind in KINDS if counted[kind]}
    return Checkup(target, counts, sum(issue.severity == "high" for issue in found.issues), len(found.pages))
