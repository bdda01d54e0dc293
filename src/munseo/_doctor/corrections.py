"""Corrected copies of the labelled tables, made from the decisions about the doctor's issues."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from munseo._data import DataLayout, DataTable, PageSet, TableRow, load_pages, read_table
from munseo._data.classes import Classes
from munseo._data.container.archives import is_archive
from munseo._data.data_table import file_and_sheet
from munseo._data.edited_table import write_edited
from munseo._data.image_finder import nfc
from munseo._data.tables import table_files
from munseo._doctor.review_log import ReviewLog, in_force
from munseo._errors import UserError
from munseo._spreadsheet import original_cell

ACTIONS = ("keep", "relabel", "drop")
PARTS = ("train", "val")
TABLE_NAMES = ("train.csv", "val.csv", "meta.csv", "sample_submission.csv")
"""Names that a data folder is searched for; a copy with such a name would be read as another table."""


@dataclass(frozen=True)
class CorrectedTable:
    """One corrected table and what was changed in it."""

    table: Path
    output: Path
    relabelled: tuple[tuple[str, str, str], ...]  # ``ID, old label, new label`` as the tables spell them
    dropped: tuple[str, ...]  # IDs of the rows that were left out
    num_kept: int  # rows that are unchanged
    num_undecided: int  # pages that have issues but no decision; their rows are kept
    emptied: tuple[str, ...]  # names of the classes that have no row in the copy


@dataclass(frozen=True)
class _Correction:
    """The decision of a row of the issues about a page."""

    where: str
    action: str
    label: int | None = None


def write_corrections(data: Path, issues: Path, output: Path, layout: DataLayout) -> list[CorrectedTable]:
    """Write corrected copies of labelled tables; the originals are not changed.

    The column ``action`` of a row decides what happens to its page: ``keep``, ``relabel`` (to ``new_target``, or if
    that is empty to ``suggested_target``), ``drop``, or nothing, which leaves it as it is.

    Args:
        data: The data folder.
        issues: The CSV that ``munseo doctor`` wrote, with decisions filled in; or the ``review.csv`` of ``munseo ui``.
        output: A file for the one table that decisions are about, or a folder for all labelled tables, under their
            own names.
        layout: Where the tables and images are.

    Raises:
        UserError: Rows are wrong, all of which are named; or the output exists or would be read as another table.
    """
    pages = load_pages(data, layout, keeps_missing=True)
    if "train" not in pages.tables:
        raise UserError(f"{data}: its labels are names of folders, not a table; move the files instead.")
    for path in pages.tables.values():
        if is_archive(path.name) or table_files(path) != [file_and_sheet(path)[0]]:
            raise UserError(
                f"{path.name}: is an archive or several files, of which no copy is made; correct the labels where it "
                "was written, or write a table with the columns ID and target."
            )
    classes = Classes(pages.class_names, pages.class_targets, "the classes")
    labelled = {part: _Labelled(read_table(pages.tables[part]), layout) for part in PARTS if part in pages.tables}
    decisions, undecided = _decisions(_read_issues(issues), labelled, classes)
    outputs = _outputs(output, data, pages, {part for part, _ in decisions})
    return [
        _write(
            labelled[part],
            classes,
            {page: made for (of, page), made in decisions.items() if of == part},
            sum(of == part for of, _ in undecided),
            file,
        )
        for part, file in outputs.items()
    ]


def _read_issues(file: Path) -> DataTable:
    """Read the table of decisions. Of a review only those in force count, and a page that was skipped is undecided."""
    table = read_table(file)
    if not {"number", "decided_at"} <= set(table.columns):
        return table
    numbers = {str(entry.number) for entry in in_force(ReviewLog(file).read()).values() if entry.action != "skip"}
    return replace(table, rows=tuple(row for row in table.rows if row.values["number"] in numbers))


class _Labelled:
    """A labelled table with its columns and its rows by ID."""

    def __init__(self, table: DataTable, layout: DataLayout) -> None:
        self.table = table
        self.id_column = table.column(layout.id_column or "ID")
        self.target_column = table.column(layout.target_column or "target")
        self.rows: dict[str, TableRow] = {nfc(row.values[self.id_column]): row for row in table.rows}

    def label(self, page: str) -> str:
        """Return the label of a page as the table spells it."""
        return self.rows[page].values[self.target_column]


def _decisions(
    issues: DataTable, labelled: dict[str, _Labelled], classes: Classes
) -> tuple[dict[tuple[str, str], _Correction], set[tuple[str, str]]]:
    """Return the decision about each page, by part and ID, and the pages without a decision."""
    problems = list(issues.problems)
    missing = [name for name in ("ID", "part", "target", "action", "new_target") if name not in issues.columns]
    if missing:
        names = ", ".join(map(repr, missing))
        raise UserError(f"{issues.path}: has no column {names}; is it a file that the doctor wrote?")
    made: dict[tuple[str, str], list[_Correction]] = defaultdict(list)
    seen: set[tuple[str, str]] = set()
    for row in issues.rows:
        values = {name: original_cell(text) for name, text in row.values.items()}
        page = (values["part"], nfc(values["ID"]))
        if not values["action"] and not values["new_target"]:
            seen.add(page)
            continue
        result = _decision(issues.where(row), values, labelled, classes)
        if isinstance(result, _Correction):
            made[page].append(result)
        else:
            problems.append(result)
    for (_, page_id), several in made.items():
        if len({(decision.action, decision.label) for decision in several}) > 1:
            rows = ", ".join(f"{decision.where} {_wording(decision, classes)}" for decision in several)
            problems.append(f"{page_id}: decisions contradict each other: {rows}")
    if problems:
        count = "1 row" if len(problems) == 1 else f"{len(problems)} rows"
        raise UserError(f"{issues.path}: {count} cannot be followed; nothing was written.", problems)
    return {page: several[0] for page, several in made.items()}, seen - set(made)


def _decision(
    where: str, values: dict[str, str], labelled: dict[str, _Labelled], classes: Classes
) -> _Correction | str:
    """Return the decision of one row, or what is wrong with it."""
    action, part, page = values["action"].casefold(), values["part"], nfc(values["ID"])
    name = f"{where}: {page or 'no page'}"
    if not action:
        return f"{name}: has a new_target but no action; write relabel, or leave both empty"
    if action not in ACTIONS:
        return f"{name}: unknown action {values['action']!r}; should be {', '.join(ACTIONS)} or nothing"
    if not page:
        return f"{name}: this issue is about no single page; leave its action empty"
    if part not in labelled:
        known = " or ".join(labelled)
        return f"{name}: is of the part {part!r}, of which no table has labels ({known}); leave its action empty"
    if page not in labelled[part].rows:
        return f"{name}: is not in {labelled[part].table.path.name} (any more)"
    now = labelled[part].label(page)
    if classes.index(now) != classes.index(values["target"]):
        return f"{name}: was {values['target']!r} for the doctor, is {now!r} in {labelled[part].table.path.name} now"
    if action != "relabel":
        if values["new_target"]:
            return f"{name}: {action} with a new_target; write relabel, or leave new_target empty"
        return _Correction(where, action)
    wanted = values["new_target"] or values.get("suggested_target", "")
    if not wanted:
        return f"{name}: relabel needs a new_target"
    label = classes.index(wanted)
    if label is None:
        return f"{name}: {classes.unknown(wanted)}"
    return _Correction(where, action, label)


def _wording(decision: _Correction, classes: Classes) -> str:
    return decision.action if decision.label is None else f"{decision.action} to {classes.targets[decision.label]}"


def _outputs(output: Path, data: Path, pages: PageSet, decided: set[str]) -> dict[str, Path]:
    """Return the file of each table's copy."""
    if output.is_dir() or output.suffix == "":
        tables = {part: file_and_sheet(pages.tables[part])[0] for part in PARTS if part in pages.tables}
        outputs = {part: output / table.name for part, table in tables.items()}
    else:
        if len(decided) > 1:
            names = " and ".join(pages.tables[part].name for part in PARTS)
            raise UserError(f"{output}: decisions are about {names}; give a folder: -o {output.with_suffix('')}")
        part = next(iter(decided), "train")
        outputs = {part: output}
        table, _ = file_and_sheet(pages.tables[part])
        if output.suffix.lower() != table.suffix.lower():
            raise UserError(f"{output}: {table.name} keeps its format; give -o NAME{table.suffix}.")
    problems = []
    for file in outputs.values():
        if file.exists() or file.is_symlink():
            problems.append(f"{file}: exists already; tables are never written over")
        elif file.parent.resolve() == data.resolve() and file.name.casefold() in TABLE_NAMES:
            problems.append(f"{file}: would be read as the {file.stem} table of the data folder")
        elif not file.parent.is_dir() and file.parent != output:
            problems.append(f"{file.parent}: there is no such folder")
    if problems:
        raise UserError("The corrected tables need another place; nothing was written.", problems)
    if outputs and output not in outputs.values():
        output.mkdir(parents=True, exist_ok=True)
    return outputs


def _write(
    labelled: _Labelled, classes: Classes, decisions: dict[str, _Correction], num_undecided: int, output: Path
) -> CorrectedTable:
    edits: dict[int, str | None] = {}
    relabelled, dropped = [], []
    for page, decision in decisions.items():
        old, line = labelled.label(page), labelled.rows[page].line
        if decision.action == "drop":
            edits[line] = None
            dropped.append(page)
        elif decision.label is not None and decision.label != classes.index(old):
            edits[line] = new = _spelled(labelled, classes, decision.label, old)
            relabelled.append((page, old, new))
    write_edited(labelled.table, labelled.target_column, edits, output)
    return CorrectedTable(
        table=labelled.table.path,
        output=output,
        relabelled=tuple(relabelled),
        dropped=tuple(dropped),
        num_kept=len(labelled.table.rows) - len(edits),
        num_undecided=num_undecided,
        emptied=_emptied(labelled, classes, edits),
    )


def _spelled(labelled: _Labelled, classes: Classes, label: int, old: str) -> str:
    """Spell a class as the row spelled the old one: by its target or by its name."""
    by_name = nfc(old) in classes.names and nfc(old) not in classes.targets
    return (classes.names if by_name else classes.targets)[label]


def _emptied(labelled: _Labelled, classes: Classes, edits: dict[int, str | None]) -> tuple[str, ...]:
    before = {row.line: row.values[labelled.target_column] for row in labelled.table.rows}
    used = {classes.index(label or "") for label in (before | edits).values()}
    labels = dict.fromkeys(map(classes.index, before.values()))
    return tuple(classes.names[label] for label in labels if label is not None and label not in used)
