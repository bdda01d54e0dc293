"""The pages that a run knows: those that trained its models, and those that validated them.

A page is known by the SHA-256 of its file, so that a file that was renamed or moved to another folder is still found.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from munseo._errors import UserError
from munseo._prediction.combination import is_ensemble, member_folders
from munseo._run import RunFolder

TRAIN, VAL = "train", "val"
NEITHER = ("test", "skipped")
"""Parts of ``pages.parquet`` that neither trained nor validated the run."""


@dataclass(frozen=True)
class RecordedPage:
    """A page that validated a run.

    Attributes:
        label: Class index in the run's order.
        fold: The fold whose model was not trained on it; None for a page that no fold was trained on.
    """

    id: str
    label: int
    sha256: str
    fold: int | None


@dataclass(frozen=True)
class RunPages:
    """The pages that a run knows.

    Attributes:
        validation: The pages that validated it, each once; for an ensemble those of its members are elsewhere, since
            it is judged on the pages that all of them held out.
        trained: SHA-256 of every file that trained at least one of its models.
        validated: SHA-256 of the other files that chose its best epoch, its temperature or its weights.
        trained_ids: IDs of the pages that trained it.
    """

    validation: tuple[RecordedPage, ...]
    trained: frozenset[str]
    validated: frozenset[str]
    trained_ids: frozenset[str]


def read_run_pages(run: RunFolder) -> RunPages:
    """Read ``pages.parquet`` of a run, of its folds, or of all members of an ensemble.

    Raises:
        UserError: A table is missing or damaged.
    """
    members = member_folders(run) if is_ensemble(run) else [run]
    folders = [folder for member in members for folder in member.folds or [member]]
    missing = [f"{folder.pages_file}: missing" for folder in folders if not folder.pages_file.is_file()]
    if missing:
        raise UserError(f"{run.path}: does not record which pages trained it; restore the files.", missing)
    tables = {folder.path: _read(folder) for folder in folders}
    trained, validated, ids = set[str](), set[str](), set[str]()
    for table in tables.values():
        part, digests = table["part"], table["sha256"]
        trained |= set(digests[part == TRAIN].dropna())
        ids |= set(table["ID"][part == TRAIN])
        validated |= set(digests[~part.isin([TRAIN, *NEITHER])].dropna())
    held_out: dict[str, RecordedPage] = {}
    for number, fold in enumerate(run.folds or [run] if not is_ensemble(run) else []):
        table = tables[fold.path]
        for page_id, part, label, digest in zip(
            table["ID"], table["part"], table["target"], table["sha256"], strict=True
        ):
            if part in (TRAIN, *NEITHER):
                continue
            fold_number = number if part == VAL else None
            held_out.setdefault(page_id, RecordedPage(page_id, int(label), str(digest), fold_number))
    return RunPages(tuple(held_out.values()), frozenset(trained), frozenset(validated - trained), frozenset(ids))


def _read(folder: RunFolder) -> pd.DataFrame:
    table = folder.read_predictions(folder.pages_file)
    columns = ["ID", "part", "target", "sha256"]
    lacking = [name for name in columns if name not in table]
    if lacking:
        raise UserError(f"{folder.pages_file}: lacks the column {', '.join(lacking)}; restore it from a copy.")
    return table[columns].astype({"ID": str})
