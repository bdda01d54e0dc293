"""Puts the members' predictions side by side: pages by ID, classes by name, and nothing that could flatter one of them.

A join by row, or by class number where two runs number their classes otherwise, gives an ensemble of strangers that
looks like a weak model and not like a mistake. So every difference between the members is an error with names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from munseo._ensemble.members import Member
from munseo._errors import UserError
from munseo._locale import Remark

LEAST_PAGES = 100
"""Where the members held out different pages, this many common ones are enough …"""
LEAST_SHARE = 0.9
"""… and so is this share of every member's own, since one skipped image must not forbid a small set."""
SHOWN = 5
"""Pages named in a note; an error names more."""


@dataclass(frozen=True)
class Aligned:
    """Held-out predictions of all members on the same pages.

    Attributes:
        members: The runs, in the order given.
        ids: IDs of the common pages, in the order of the first member.
        labels: Their classes, int64 (num_pages,).
        rows: Probabilities, float64 (num_members, num_pages, num_classes), classes in the order of the first member.
        notes: What was left out, to be said.
        shifted: The same under the recipe, float64 (num_draws, num_members, num_pages, num_classes); None where the
            members were not all damaged alike. Where it is there, it is what fits and judges the ensemble.
    """

    members: tuple[Member, ...]
    ids: tuple[str, ...]
    labels: np.ndarray
    rows: np.ndarray
    notes: tuple[Remark, ...]
    shifted: np.ndarray | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, in the order of the columns."""
        return self.members[0].card.class_names


def align(members: Sequence[Member]) -> Aligned:
    """Align members.

    Raises:
        UserError: Different classes, too few common pages, changed labels or images, or validation pages of one run
            among the training pages of another; every one of them by name.
    """
    _refuse_other_classes(members)
    ids, notes = _common_pages(members)
    _refuse_changed_pages(members, ids)
    ids, more_notes = _without_trained_pages(members, ids)
    class_names = members[0].card.class_names
    classes = members[0].classes()
    labels = np.array([class_names.index(classes[page_id]) for page_id in ids], dtype=np.int64)
    rows = np.stack([member.probabilities(ids, class_names) for member in members])
    shifted, shift_notes = _shifted_rows(members, ids, class_names)
    return Aligned(tuple(members), tuple(ids), labels, rows, (*notes, *more_notes, *shift_notes), shifted)


def _shifted_rows(
    members: Sequence[Member], ids: Sequence[str], class_names: Sequence[str]
) -> tuple[np.ndarray | None, list[Remark]]:
    """Shifted predictions, if pages were damaged alike in every run: recipe, ID and draw settle that."""
    first = members[0]
    alike = all(m.num_draws == first.num_draws and m.recipe == first.recipe for m in members)
    if first.shifted is not None and alike:
        rows = [member.shifted_probabilities(ids, class_names) for member in members]
        return np.stack(rows, axis=1), []
    if alike:
        return None, []
    return None, [Remark("other_shift")]


def _refuse_other_classes(members: Sequence[Member]) -> None:
    first = members[0]
    known = set(first.card.class_names)
    problems = []
    for member in members[1:]:
        own = set(member.card.class_names)
        problems += [f"{member.name}: lacks class {name!r} of {first.name}" for name in sorted(known - own)]
        problems += [f"{member.name}: has class {name!r}, unknown to {first.name}" for name in sorted(own - known)]
    if problems:
        raise UserError("The runs tell different classes apart; only runs with the same classes can be one.", problems)


def _common_pages(members: Sequence[Member]) -> tuple[list[str], list[Remark]]:
    """The pages that every member held out."""
    held_out = [set(member.predictions.index) for member in members]
    common = set.intersection(*held_out)
    ids = [page_id for page_id in members[0].predictions.index if page_id in common]
    if all(own == common for own in held_out):
        return ids, []
    if len(ids) < LEAST_PAGES and len(ids) < LEAST_SHARE * max(map(len, held_out)):
        raise UserError(
            f"Only {len(ids)} pages validate all of these runs (at least {LEAST_PAGES} are needed, or "
            f"{LEAST_SHARE:.0%} of each run's). Train them on the same split: the same tables, random_seed and "
            "val_split_ratio, or the same n_folds.",
            _overlaps(members),
        )
    notes = [
        Remark("not_held_out", {"run": member.name, "count": len(own) - len(ids), "pages": len(own)})
        for member, own in zip(members, held_out, strict=True)
        if len(own) > len(ids)
    ]
    return ids, notes


def _overlaps(members: Sequence[Member]) -> list[str]:
    """Pages that validate one run and not another; first those that trained the other."""
    trained, absent = [], []
    for one in members:
        for other in members:
            trained_ids, held_out = other.trained_ids(), set(other.predictions.index)
            for page_id in one.predictions.index:
                if page_id in trained_ids:
                    trained.append(f"page {page_id} validates run {one.name} but trained run {other.name}")
                elif page_id not in held_out:
                    absent.append(f"page {page_id} validates run {one.name} but not run {other.name}")
    return trained + absent


def _refuse_changed_pages(members: Sequence[Member], ids: Sequence[str]) -> None:
    """The same ID must mean the same image of the same class everywhere."""
    first = members[0]
    classes, images = first.classes(), first.digests()
    problems = []
    for member in members[1:]:
        own_classes, own_images = member.classes(), member.digests()
        for page_id in ids:
            before, now = classes[page_id], own_classes[page_id]
            if before != now:
                problems.append(f"page {page_id} is {before!r} in run {first.name} but {now!r} in run {member.name}")
            if page_id in images and images[page_id] != own_images.get(page_id, images[page_id]):
                problems.append(f"page {page_id} is another image in run {member.name} than in run {first.name}")
    if problems:
        raise UserError(
            "Labels or images were changed between these runs, so they were judged by different answers; train them "
            "again on the same data.",
            problems,
        )


def _without_trained_pages(members: Sequence[Member], ids: Sequence[str]) -> tuple[list[str], list[Remark]]:
    """Look for the same image under another name in a training part.

    A copy that the data of every run hold is a flaw of the data, and the page is left out. A copy that other runs do
    not know means that a run was trained on what judges the others, and would get weight it does not deserve: refused.
    """
    images: dict[str, str] = {}
    for member in members:
        images = member.digests() | images
    known = [set(member.pages["ID"]) for member in members]
    problems: list[str] = []
    copied: set[str] = set()
    for member in members:
        for page_id, copies in _copies(member, ids, images).items():
            copied.add(page_id)
            for copy in copies:
                others = [other.name for other, own in zip(members, known, strict=True) if copy not in own]
                if others:
                    problems.append(
                        f"page {page_id} validates run {others[0]} but trained run {member.name} (as {copy})"
                    )
    if problems:
        raise UserError(
            "Some of these runs were trained on pages that judge the others; leave them out, or train all on the same "
            "split.",
            problems,
        )
    if not copied:
        return list(ids), []
    kept = [page_id for page_id in ids if page_id not in copied]
    if len(kept) < 2:
        raise UserError(
            "Every common validation page also lies in a training part under another name; take the copies out of the "
            "data, and train again."
        )
    shown = ", ".join(sorted(copied)[:SHOWN]) + (", …" if len(copied) > SHOWN else "")
    return kept, [Remark("copies", {"pages": len(ids), "count": len(copied), "shown": shown})]


def _copies(member: Member, ids: Sequence[str], images: dict[str, str]) -> dict[str, list[str]]:
    """Pages whose image trained the very model that judged them: ID to the IDs it has in the training part."""
    trained = member.trained_images()
    folds = dict(zip(member.predictions.index, member.predictions["fold"].tolist(), strict=True))
    found = {page_id: trained.get((folds[page_id], images.get(page_id, "")), []) for page_id in ids}
    return {page_id: copies for page_id, copies in found.items() if copies}
