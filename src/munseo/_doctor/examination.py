"""All finders, one after the other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from munseo._console import say, track
from munseo._data import PageSet
from munseo._data.page_groups import join_groups
from munseo._doctor.bad_files import find_bad_files
from munseo._doctor.census import ClassCensus, count_classes
from munseo._doctor.changes import find_changes
from munseo._doctor.duplicates import find_copies
from munseo._doctor.embeddings import Embedding, embed, has_packaged, load_backbone
from munseo._doctor.held_out_probabilities import held_out_probabilities
from munseo._doctor.issue import KINDS, Issue, Sheet
from munseo._doctor.label_errors import find_confused_classes, find_label_errors
from munseo._doctor.outliers import find_odd_pages
from munseo._doctor.page_features import look
from munseo._errors import UserError
from munseo._locale import Remark
from munseo._prediction.inference import read_card
from munseo._run import RunFolder


@dataclass(frozen=True)
class Examination:
    """What the doctor found.

    Attributes:
        class_names: By index.
        class_targets: As the tables write them.
        sheets: All pages: train, val, test.
        issues: The most urgent kind first.
        census: A row a class.
        notes: What was not examined, and why.
        judged: Places of the sheets whose labels were judged.
        probabilities: (len(judged), num_classes), by models that have not seen the labels; None where none were.
    """

    class_names: tuple[str, ...]
    class_targets: tuple[str, ...]
    sheets: tuple[Sheet, ...]
    issues: tuple[Issue, ...]
    census: tuple[ClassCensus, ...]
    notes: tuple[Remark, ...]
    judged: np.ndarray
    probabilities: np.ndarray | None

    def of_kind(self, kind: str) -> list[Issue]:
        """The issues of one kind, the finder's order kept."""
        return [issue for issue in self.issues if issue.kind == kind]


def examine(pages: PageSet, run: RunFolder | None = None, seed: int = 42) -> Examination:
    """Look at every page and let every finder judge.

    Args:
        pages: The data set.
        run: A run of these classes: its validation predictions help to judge the labels.
        seed: Of the folds.

    Raises:
        UserError: The run has other classes.
    """
    if run is not None and read_card(run).class_names != pages.class_names:
        raise UserError(f"{run.path}: was trained on other classes than the data folder has; choose another run.")
    classifier = load_backbone(run)
    num_pages = len(pages.train) + len(pages.val or ()) + len(pages.test)
    seen = track(look(pages, classifier.card.image_size if classifier else None), "Looking at pages", num_pages)
    sheets, embedding = embed(seen, classifier)
    say("comparing pages")
    copies = find_copies(sheets, pages.class_names, os.cpu_count() or 1)
    issues = find_bad_files(sheets) + copies
    notes, probabilities = [], None
    if embedding is None:
        notes.append(Remark("doctor.not_judged"))
    else:
        say("judging labels")
        found, probabilities = _judge(embedding, sheets, _groups(sheets, copies), pages, run, seed)
        issues += found
    if run is not None:
        issues += find_changes(sheets, run, pages.class_names)
    if embedding is not None and not (run is not None and run.folds):
        notes.append(Remark("doctor.general" if has_packaged() else "doctor.biased"))
    issues.sort(key=lambda issue: KINDS.index(issue.kind))
    judged = embedding.places if embedding is not None else np.empty(0, int)
    census = tuple(count_classes(sheets, pages.class_names))
    return Examination(pages.class_names, pages.class_targets, tuple(sheets), tuple(issues), census, tuple(notes),
                       judged, probabilities)  # fmt: skip


def _groups(sheets: Sequence[Sheet], copies: Sequence[Issue]) -> np.ndarray:
    """(len(sheets),) number of the group of copies of each page."""
    places = {id(sheet): place for place, sheet in enumerate(sheets)}
    return join_groups(len(sheets), [(places[id(one.sheet)], places[id(one.other)]) for one in copies])


def _judge(
    embedding: Embedding, sheets: list[Sheet], groups: np.ndarray, pages: PageSet, run: RunFolder | None, seed: int
) -> tuple[list[Issue], np.ndarray]:
    labelled = [sheets[place] for place in embedding.places]
    probabilities = held_out_probabilities(embedding, sheets, groups, len(pages.class_names), run, seed)
    issues = [
        *find_label_errors(labelled, probabilities, pages.class_names),
        *find_confused_classes(labelled, probabilities, pages.class_names),
        *find_odd_pages(labelled, embedding.points),
    ]
    return issues, probabilities
