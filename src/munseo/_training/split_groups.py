"""Groups of pages that a split keeps on one side: copies of a page, and pages with the same value in a column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from munseo._config.data_settings import DataSettings
from munseo._data import Checked, CheckedFiles, PageSet, read_table
from munseo._data.copies import pairs_of_copies
from munseo._data.image_finder import nfc
from munseo._data.page_groups import join_groups, links_of_keys
from munseo._errors import UserError
from munseo._locale import Remark

MOST_COMPARED = 100_000
"""Most pages whose pictures are compared with each other, which takes 40 minutes of one core. Among more pages only
equal files are found."""

_SHOWN = 5
"""Pages that a note names."""


def splits_train(config: DataSettings, pages: PageSet) -> bool:
    """Return whether the train pages are split at all; fixed validation pages stay as they are."""
    return bool(config.n_folds) or pages.val is None


def needs_thumbnails(config: DataSettings, pages: PageSet, name: str) -> bool:
    """Return whether ``find_groups`` will compare the pictures of a table, ``train``, ``val`` or ``test``.

    Compared are the pages that validation pages are taken from: copies among them count once in every interval.
    """
    members = {"train": pages.train if splits_train(config, pages) else None, "val": pages.val}.get(name)
    return config.split_by_likeness == "near" and members is not None and len(members) <= MOST_COMPARED


def find_groups(
    config: DataSettings, pages: PageSet, train: Checked, val: Checked, known: CheckedFiles | None = None
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Find the groups of pages that belong together, by ``group_column`` and ``split_by_likeness``.

    A split keeps the groups of the train pages together. Fixed validation pages are not split; their groups say which
    of them are evidence of one thing.

    The pages of ``train`` and ``val`` are the readable ones; those have thumbnails that ``needs_thumbnails`` names.
    Copies that were found earlier among the same files are in ``known``.

    Returns:
        The number of the group of each page, for ``train`` where the train pages are split and for ``val`` where
        validation pages are fixed (folds may have both), without an entry if every page is its own group; and notes
        for the user.

    Raises:
        UserError: The tables have no such column.
    """
    keys, notes = _column(config, pages, "train"), list[str]()
    found: dict[str, np.ndarray | None] = {}
    if splits_train(config, pages):
        found["train"], notes = _groups(config, pages, "train", train, keys, known)
    if pages.val is None:
        return _without_none(found), notes
    val_keys = _column(config, pages, "val") if _has_column(config, pages, "val") else {}
    found["val"], more_notes = _groups(config, pages, "val", val, val_keys, known)
    notes += more_notes
    if config.group_column and not _has_column(config, pages, "val"):
        notes.append(str(Remark("split.no_groups_of_val", {"column": config.group_column})))
    notes += _straddling(config, train, val, keys, val_keys)
    return _without_none(found), notes


def _without_none(groups: dict[str, np.ndarray | None]) -> dict[str, np.ndarray]:
    return {name: numbers for name, numbers in groups.items() if numbers is not None}


def _groups(
    config: DataSettings, pages: PageSet, name: str, checked: Checked, keys: dict[str, str], known: CheckedFiles | None
) -> tuple[np.ndarray | None, list[str]]:
    """Return the number of the group of each readable page of one table, or None if each is its own; and notes."""
    num_pages = len(checked.pages)
    digests = [checked.digests[page.id] for page in checked.pages]
    equal = links_of_keys(digests) if config.split_by_likeness != "none" else []
    near = _near(checked, digests, known) if needs_thumbnails(config, pages, name) else []
    notes = []
    if config.split_by_likeness == "near" and not needs_thumbnails(config, pages, name):
        notes.append(str(Remark("split.too_many_pages", {"most": MOST_COMPARED})))
    if equal or near:
        sizes = np.unique(join_groups(num_pages, [*equal, *near]), return_counts=True)[1]
        num_groups = int((sizes > 1).sum())
        num_near = sum(digests[first] != digests[second] for first, second in near)
        values = {"pages": int(sizes[sizes > 1].sum()), "groups": num_groups, "equal": len(equal), "near": num_near}
        notes.append(str(Remark("split.copies" if name == "train" else "split.copies_in_val", values)))
    links = [*equal, *near, *links_of_keys([keys.get(page.id) for page in checked.pages])]
    return (join_groups(num_pages, links) if links else None), notes


def _near(checked: Checked, digests: Sequence[str], known: CheckedFiles | None) -> list[tuple[int, int]]:
    """Return pairs of pages that show the same picture."""
    paths, thumbnails = [page.path for page in checked.pages], [checked.thumbnails[page.id] for page in checked.pages]
    find = partial(pairs_of_copies, paths, thumbnails)
    return find() if known is None else known.copies(digests, find)


def _column(config: DataSettings, pages: PageSet, name: str) -> dict[str, str]:
    """Return the values of the group column by ID, without empty ones; ``name`` is ``train`` or ``val``."""
    if config.group_column is None:
        return {}
    if name not in pages.tables:
        raise UserError(f"group_column: {config.group_column!r} is a column of a train table, and there is none.")
    table = read_table(pages.tables[name])
    id_column, column = table.column(config.id_column or "ID"), table.column(config.group_column)
    return {nfc(row.values[id_column]): row.values[column] for row in table.rows if row.values[column]}


def _has_column(config: DataSettings, pages: PageSet, name: str) -> bool:
    return name in pages.tables and config.group_column in read_table(pages.tables[name]).columns


def _straddling(
    config: DataSettings, train: Checked, val: Checked, keys: dict[str, str], val_keys: dict[str, str]
) -> list[str]:
    """Return notes on files and groups that are in both train and fixed validation pages; the split is not changed."""
    known = set(train.digests.values())
    copies = [page.id for page in val.pages if val.digests[page.id] in known]
    notes = list(_note("split.shared_files", copies))
    values = set(keys.values())
    shared = [page_id for page_id, value in val_keys.items() if value in values]
    notes += _note("split.shared_groups", shared, column=config.group_column)
    return notes


def _note(key: str, ids: Sequence[str], **values: object) -> Iterator[str]:
    if ids:
        shown = ", ".join(ids[:_SHOWN]) + (", …" if len(ids) > _SHOWN else "")
        yield str(Remark(key, {"count": len(ids), "shown": shown, **values}))
