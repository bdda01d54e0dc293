"""The labelled pages of a data folder that may judge a run: none that trained it, and no copy of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from munseo._assessment.run_pages import RunPages
from munseo._config.data_settings import DataSettings
from munseo._data import Checked, DataLayout, Page, PageSet, check_images, load_pages, read_table
from munseo._data.class_match import match_classes
from munseo._data.container.contained_file import ImageFile
from munseo._data.copies import pairs_of_copies
from munseo._data.image_check import refuse_losses
from munseo._data.image_finder import nfc
from munseo._data.page_groups import join_groups, links_of_keys
from munseo._errors import UserError
from munseo._locale import Remark
from munseo._model import ModelCard
from munseo._run import RunFolder
from munseo._run.evaluations import ClassPages, ExcludedPages

MOST_COMPARED = 100_000
"""Most pages, of training and test set together, whose pictures are compared; among more only equal files are found."""
_SHOWN = 5
"""Pages that a note names."""


@dataclass(frozen=True)
class TestPages:
    """The pages that judge a run.

    Attributes:
        pages: Labels are the run's class indices.
        digests: SHA-256 of the file of each.
        groups: Number of the group of each, int (N,): copies, and pages with the same value of ``group_column``.
        also_trained: For each other run, by its place, which pages trained it or are copies of such pages, bool (N,).
    """

    __test__ = False  # the name is no test of pytest

    pages: tuple[Page, ...]
    digests: tuple[str, ...]
    groups: np.ndarray
    left_out: ExcludedPages
    notes: tuple[Remark, ...]
    also_trained: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True)
class KnownRun:
    """A run with the pages that it knows, and where its training pages were."""

    run: RunFolder
    pages: RunPages
    sources: tuple[tuple[Path, DataLayout], ...]


def choose_test_pages(
    known: Sequence[KnownRun], card: ModelCard, data: PageSet, folder: Path, config: DataSettings
) -> TestPages:
    """Choose the labelled pages of a data folder that may judge the first of these runs.

    Args:
        known: The run, and those that it is compared with.
        card: The classes of the first run.
        data: All pages of the folder.
        folder: The folder, for messages.
        config: The columns of IDs and groups, and what to do with images that cannot be read.

    Raises:
        UserError: No page is left, or images cannot be read.
    """
    labelled = _labelled(data)
    if not labelled:
        raise UserError(f"{folder}: has no labelled pages, which could judge a run.")
    checked = check_images(labelled, config.on_bad_image, thumbnails=True)
    refuse_losses([checked], data.class_names)
    match = match_classes(card.class_names, card.class_targets, data.class_names, data.class_targets)
    digests = [checked.digests[page.id] for page in checked.pages]
    labels = [match.run_label(page.label) for page in checked.pages]
    copies = _Copies.find(known, checked)
    trained = copies.equal[0] | copies.near[0]
    is_unknown = np.array([label is None for label in labels])
    kept = np.flatnonzero(~(trained | is_unknown))
    strangers = [data.class_names[checked.pages[index].label or 0] for index in np.flatnonzero(is_unknown & ~trained)]
    left_out = ExcludedPages(
        trained=int(copies.equal[0].sum()),
        near_copies=int((copies.near[0] & ~copies.equal[0]).sum()),
        unknown=tuple(ClassPages(name=name, count=count) for name, count in Counter(strangers).items()),
        unreadable=len(checked.skipped),
        num_compared=copies.compared[0],
        num_trained=len(known[0].pages.trained),
    )
    notes = _notes_on_excluded(left_out, checked, copies)
    if not len(kept):
        raise UserError(
            f"{folder}: none of its {len(labelled)} labelled pages can judge {known[0].run.name}; give other pages.",
            [str(note) for note in notes],
        )
    pages = tuple(Page(checked.pages[index].id, checked.pages[index].path, labels[index]) for index in kept)
    keys = _group_keys(data, config, notes)
    links = [*copies.within, *links_of_keys(digests), *links_of_keys([keys.get(page.id) for page in checked.pages])]
    kept_digests = tuple(digests[index] for index in kept)
    return TestPages(
        pages=pages,
        digests=kept_digests,
        groups=np.unique(join_groups(len(digests), links)[kept], return_inverse=True)[1],
        left_out=left_out,
        notes=(*notes, *_notes_on_judging(pages, kept_digests, known[0].pages, card)),
        also_trained=tuple((equal | near)[kept] for equal, near in zip(copies.equal[1:], copies.near[1:], strict=True)),
    )


def _labelled(data: PageSet) -> list[Page]:
    """Return the labelled pages; IDs of test pages are paths below the test folder, and get its name before them."""
    test = [Page(f"test/{page.id}", page.path, page.label) for page in data.test if page.label is not None]
    return [*data.train, *(data.val or ()), *test]


def _group_keys(data: PageSet, config: DataSettings, notes: list[Remark]) -> dict[str, str]:
    """Return the values of the group column by ID; without that column a note is added."""
    if config.group_column is None:
        return {}
    tables = [read_table(data.tables[name]) for name in ("train", "val") if name in data.tables]
    grouped = [table for table in tables if config.group_column in table.columns]
    if not grouped:
        notes.append(Remark("evaluate.no_groups", {"column": config.group_column}))
    return {
        nfc(row.values[table.column(config.id_column or "ID")]): row.values[config.group_column]
        for table in grouped
        for row in table.rows
        if row.values[config.group_column]
    }


@dataclass(frozen=True)
class _Copies:
    """Which labelled pages trained each run, and which show the same picture as a training page.

    Attributes:
        equal: For each run which pages have the content of a training file, bool (num_runs, N).
        near: For each run which pages show the picture of a training page, bool (num_runs, N).
        compared: For each run how many of its training pages were compared.
        within: Pairs of pages of the folder that are copies of each other.
    """

    equal: np.ndarray
    near: np.ndarray
    compared: tuple[int, ...]
    within: list[tuple[int, int]]

    @staticmethod
    def find(known: Sequence[KnownRun], checked: Checked) -> _Copies:
        digests = [checked.digests[page.id] for page in checked.pages]
        num_pages = len(digests)
        equal = np.array([[digest in one.pages.trained for digest in digests] for one in known], dtype=bool)
        pictures = _training_pictures(known, set(digests))
        near = np.zeros_like(equal)
        if num_pages + len(pictures) > MOST_COMPARED:
            return _Copies(equal, near, (0,) * len(known), [])
        own = [(page.path, checked.thumbnails[page.id]) for page in checked.pages]
        paths, thumbnails = zip(*own, *pictures.values(), strict=True)
        all_digests = [*digests, *pictures]
        within = []
        for first, second in pairs_of_copies(paths, thumbnails):
            if second < num_pages:
                within.append((first, second))
            for place, one in enumerate(known):
                for page, other in ((first, second), (second, first)):
                    if page < num_pages and all_digests[other] in one.pages.trained:
                        near[place, page] = True
        at_hand = set(all_digests)
        return _Copies(equal, near, tuple(len(one.pages.trained & at_hand) for one in known), within)


def _training_pictures(known: Sequence[KnownRun], at_hand: set[str]) -> dict[str, tuple[ImageFile, np.ndarray]]:
    """Return file and thumbnail of the training pages that are where the runs found them, by content.

    Those that the test set holds too are ``at_hand`` already. A page whose file has changed since trained nothing.
    """
    pictures: dict[str, tuple[ImageFile, np.ndarray]] = {}
    for one in known:
        for folder, layout in dict.fromkeys(one.sources):
            if one.pages.trained <= at_hand | pictures.keys():
                break
            try:
                pages = load_pages(folder, layout)
                trained = [p for p in (*pages.train, *(pages.val or ())) if p.id in one.pages.trained_ids]
                checked = check_images(trained, "skip", thumbnails=True) if trained else Checked((), (), {}, ())
            except UserError:  # the data are gone or were changed: what cannot be compared is counted and said
                continue
            for page in checked.pages:
                digest = checked.digests[page.id]
                if digest in one.pages.trained and digest not in at_hand:
                    pictures.setdefault(digest, (page.path, checked.thumbnails[page.id]))
    return pictures


def _notes_on_excluded(left_out: ExcludedPages, checked: Checked, copies: _Copies) -> list[Remark]:
    notes = []
    if left_out.trained:
        notes.append(Remark("evaluate.trained", {"count": left_out.trained}))
    if left_out.near_copies:
        ids = [checked.pages[index].id for index in np.flatnonzero(copies.near[0] & ~copies.equal[0])]
        notes.append(Remark("evaluate.near", {"count": left_out.near_copies, "shown": _shown(ids)}))
    if left_out.unknown:
        listed = ", ".join(f"{entry.name} ({entry.count:,})" for entry in left_out.unknown)
        count = sum(entry.count for entry in left_out.unknown)
        notes.append(Remark("evaluate.unknown", {"count": count, "classes": listed}))
    if left_out.unreadable:
        ids = [f"{page.id}: {problem}" for page, problem in checked.skipped]
        notes.append(Remark("evaluate.unreadable", {"count": left_out.unreadable, "shown": _shown(ids)}))
    if missing := left_out.num_trained - left_out.num_compared:
        notes.append(Remark("evaluate.not_compared", {"count": missing, "pages": left_out.num_trained}))
    return notes


def _notes_on_judging(
    pages: Sequence[Page], digests: Sequence[str], known: RunPages, card: ModelCard
) -> Iterator[Remark]:
    """Yield what a reader should know about the pages that judge."""
    labels: dict[str, set[int | None]] = {}
    for page, digest in zip(pages, digests, strict=True):
        labels.setdefault(digest, set()).add(page.label)
    in_doubt = [page.id for page, digest in zip(pages, digests, strict=True) if len(labels[digest]) > 1]
    if in_doubt:
        yield Remark("evaluate.in_doubt", {"count": len(in_doubt), "shown": _shown(in_doubt)})
    found = {page.label for page in pages}
    absent = [name for label, name in enumerate(card.class_names) if label not in found]
    if absent:
        yield Remark("evaluate.absent", {"count": len(absent), "classes": _shown(absent)})
    if num_validation := sum(digest in known.validated for digest in digests):
        yield Remark("evaluate.validation", {"count": num_validation, "pages": len(pages)})


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
