"""Aligns the members' predictions: pages by ID, classes by name, and no page that would favour one of them.

Joining by row, or by class number where two runs number their classes differently, would combine predictions of
unrelated pages. The result looks like a weak model rather than a mistake, so every difference between the members is
an error that names the pages and runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from munseo._ensemble.members import MIN_FRACTION, MIN_PAGES, EnsembleMember, common_pages, has_enough
from munseo._errors import UserError
from munseo._evaluation.held_out_groups import common_groups
from munseo._locale import Remark

SHOWN = 5
"""Number of pages that a note names; an error names more."""


@dataclass(frozen=True)
class AlignedMembers:
    """Held-out predictions of all members on the same pages.

    Attributes:
        members: The runs.
        ids: IDs of the common pages, in the order of the first member.
        labels: Class indices of the pages, int64 (num_pages,).
        rows: Probabilities, float64 (num_members, num_pages, num_classes), classes in the order of the first member.
        notes: Remarks about what was left out.
        shifted: Probabilities of the pages damaged by the recipe, float64 (num_draws, num_members, num_pages,
            num_classes); None where the members' pages were not damaged in the same way. If present, these
            probabilities fit and judge the ensemble.
    """

    members: tuple[EnsembleMember, ...]
    ids: tuple[str, ...]
    labels: np.ndarray
    rows: np.ndarray
    notes: tuple[Remark, ...]
    shifted: np.ndarray | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        """The class names in the order of the columns."""
        return self.members[0].card.class_names


def align(members: Sequence[EnsembleMember]) -> AlignedMembers:
    """Align the held-out predictions of members.

    Raises:
        UserError: The members have different classes, too few common pages, changed labels or images, or validation
            pages that trained another member. The message names every one of them. Or all pages are of one group.
    """
    _refuse_other_classes(members)
    ids, notes = _common_pages(members)
    _refuse_changed_pages(members, ids)
    ids, more_notes = _without_trained_pages(members, ids)
    _refuse_one_group(members, ids)
    class_names = members[0].card.class_names
    classes = members[0].classes()
    labels = np.array([class_names.index(classes[page_id]) for page_id in ids], dtype=np.int64)
    rows = np.stack([member.probabilities(ids, class_names) for member in members])
    shifted, shift_notes = _shifted_rows(members, ids, class_names)
    notes += [*more_notes, *shift_notes]
    if any(member.out_of_fold for member in members):
        notes.append(Remark("out_of_fold"))
    return AlignedMembers(tuple(members), tuple(ids), labels, rows, tuple(notes), shifted)


def _shifted_rows(
    members: Sequence[EnsembleMember], ids: Sequence[str], class_names: Sequence[str]
) -> tuple[np.ndarray | None, list[Remark]]:
    """Return shifted predictions if every run damaged its pages in the same way, by the same recipe and draws."""
    first = members[0]
    if any(m.num_draws != first.num_draws or m.recipe != first.recipe for m in members):
        return None, [Remark("other_shift")]
    if first.shifted is None:
        return None, []
    return np.stack([member.shifted_probabilities(ids, class_names) for member in members], axis=1), []


def _refuse_one_group(members: Sequence[EnsembleMember], ids: Sequence[str]) -> None:
    if len(np.unique(common_groups([member.run for member in members], ids))) < 2:
        raise UserError(
            f"The {len(ids)} pages that validate all of these runs belong to one group (group_column, or copies of one "
            "page), so none of them can judge what is fitted without it; train the runs with more groups in validation."
        )


def _refuse_other_classes(members: Sequence[EnsembleMember]) -> None:
    first = members[0]
    known = set(first.card.class_names)
    problems = []
    for member in members[1:]:
        own = set(member.card.class_names)
        problems += [f"{member.name}: lacks class {name!r} of {first.name}" for name in sorted(known - own)]
        problems += [f"{member.name}: has class {name!r}, unknown to {first.name}" for name in sorted(own - known)]
    if problems:
        raise UserError("The runs have different classes; only runs with the same classes can be combined.", problems)


def _common_pages(members: Sequence[EnsembleMember]) -> tuple[list[str], list[Remark]]:
    """Return the IDs of the pages that every member held out."""
    common, most = common_pages(members)
    held_out = [set(member.predictions.index) for member in members]
    ids = [page_id for page_id in members[0].predictions.index if page_id in common]
    if all(own == common for own in held_out):
        return ids, []
    if not has_enough(common, most):
        raise UserError(
            f"Only {len(ids)} pages validate all of these runs (at least {MIN_PAGES} are needed, or "
            f"{MIN_FRACTION:.0%} of each run's). Train them on the same split: the same tables, random_seed and "
            "val_split_ratio, or the same n_folds.",
            _overlaps(members),
        )
    notes = [
        Remark("not_held_out", {"run": member.name, "count": len(own) - len(ids), "pages": len(own)})
        for member, own in zip(members, held_out, strict=True)
        if len(own) > len(ids)
    ]
    return ids, notes


def _overlaps(members: Sequence[EnsembleMember]) -> list[str]:
    """Name the pages that validate one run and not another; pages that trained the other run come first."""
    trained, absent = [], []
    for member in members:
        for other in members:
            trained_ids, held_out = other.trained_ids(), set(other.predictions.index)
            for page_id in member.predictions.index:
                if page_id in trained_ids:
                    trained.append(f"page {page_id} validates run {member.name} but trained run {other.name}")
                elif page_id not in held_out:
                    absent.append(f"page {page_id} validates run {member.name} but not run {other.name}")
    return trained + absent


def _refuse_changed_pages(members: Sequence[EnsembleMember], ids: Sequence[str]) -> None:
    """Raise an error unless an ID means the same image of the same class in every run."""
    first = members[0]
    classes, images = first.classes(), first.digests()
    problems = []
    for member in members[1:]:
        member_classes, member_images = member.classes(), member.digests()
        for page_id in ids:
            before, now = classes[page_id], member_classes[page_id]
            if before != now:
                problems.append(f"page {page_id} is {before!r} in run {first.name} but {now!r} in run {member.name}")
            if page_id in images and images[page_id] != member_images.get(page_id, images[page_id]):
                problems.append(f"page {page_id} is another image in run {member.name} than in run {first.name}")
    if problems:
        raise UserError(
            "Labels or images were changed between these runs, so they were judged by different labels; train them "
            "again on the same data.",
            problems,
        )


def _without_trained_pages(members: Sequence[EnsembleMember], ids: Sequence[str]) -> tuple[list[str], list[Remark]]:
    """Leave out pages whose image trained a member under another ID.

    A copy that every run knows is a flaw of the data, and the page is left out. A copy that another run does not know
    means that one member was trained on pages that judge the others; it would get too much weight, so that is an error.
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
                other = next((other.name for other, own in zip(members, known, strict=True) if copy not in own), None)
                if other is not None:
                    problems.append(f"page {page_id} validates run {other} but trained run {member.name} (as {copy})")
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
            "Every common validation page is also in a training split under another name; remove the copies from the "
            "data, and train again."
        )
    shown = ", ".join(sorted(copied)[:SHOWN]) + (", …" if len(copied) > SHOWN else "")
    return kept, [Remark("copies", {"pages": len(ids), "count": len(copied), "shown": shown})]


def _copies(member: EnsembleMember, ids: Sequence[str], images: dict[str, str]) -> dict[str, list[str]]:
    """Return pages whose image trained the model that judged them: the ID, and the IDs of its copies in training."""
    trained = member.trained_images()
    folds = dict(zip(member.predictions.index, member.predictions["fold"].tolist(), strict=True))
    copies = {page_id: trained.get((folds[page_id], images.get(page_id, "")), []) for page_id in ids}
    return {page_id: ids_of_copies for page_id, ids_of_copies in copies.items() if ids_of_copies}
