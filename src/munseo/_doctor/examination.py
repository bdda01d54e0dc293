"""The examination of a data folder: every page is inspected, and every finder judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from munseo._console import say, track
from munseo._cores import num_cores
from munseo._data import PageSet
from munseo._data.class_match import ClassMatch, match_classes
from munseo._data.page_groups import join_groups
from munseo._doctor.duplicates import find_copies
from munseo._doctor.embeddings import embed, has_packaged, load_backbone
from munseo._doctor.held_out_probabilities import held_out_probabilities
from munseo._doctor.inspected_page import InspectedPage, inspect_pages, missing_pages
from munseo._doctor.issue import Issue, PageEvidence
from munseo._doctor.issue_kinds import KINDS
from munseo._doctor.judge import TRUSTED, Judge
from munseo._errors import UserError
from munseo._locale import Remark
from munseo._prediction.inference import read_card
from munseo._run import RunFolder

COLOURED = 8.0
"""The mean difference of channels from which on a page counts as coloured; JPEG's own errors stay below 3."""


@dataclass(frozen=True)
class ClassCensus:
    """Counts, sizes and colours of one class; sizes and colours are those of its readable labelled pages."""

    name: str
    num_train: int
    num_val: int  # validation pages
    width: float  # median width, px
    height: float  # median height, px
    brightness: float  # median grey level
    coloured: float  # fraction of coloured pages
    predicted: float | None = None  # fraction of the pages that the judge predicts as labelled; None without a judge


@dataclass(frozen=True)
class Examination:
    """The findings of the doctor."""

    class_names: tuple[str, ...]  # names of the classes, by index
    class_targets: tuple[str, ...]  # classes as the tables write them
    pages: tuple[InspectedPage, ...]  # all pages, in the order train, val, test
    issues: tuple[Issue, ...]  # issues, the most urgent kind first
    census: tuple[ClassCensus, ...]  # one row for each class
    notes: tuple[Remark, ...]  # what was not examined, and why
    judged: np.ndarray  # indices of the pages whose labels were judged
    # (len(judged), num_classes) by models that have not seen the labels; None if there are none.
    probabilities: np.ndarray | None
    judge: Judge | None = None  # how good the model is that judged the labels

    def of_kind(self, kind: str) -> list[Issue]:
        """Return the issues of one kind in the order of their finder."""
        return [issue for issue in self.issues if issue.kind == kind]


def examine(pages: PageSet, run: RunFolder | None = None, seed: int = 42) -> Examination:
    """Inspect every page and let every finder judge.

    Args:
        pages: The data set.
        run: A run of these classes: its validation predictions help to judge the labels.
        seed: The seed of the folds in which labels are judged.

    Raises:
        UserError: The run has other classes.
    """
    match = None if run is None else _same_classes(run, pages)
    classifier = load_backbone(run)
    num_pages = len(pages.train) + len(pages.val or ()) + len(pages.test)
    square_px = classifier.card.image_size if classifier else None
    inspected, embedding = embed(track(inspect_pages(pages, square_px), "Looking at pages", num_pages), classifier)
    inspected += missing_pages(pages)
    say("comparing pages")
    copies = find_copies(inspected, num_cores())
    notes: list[Remark] = []
    if embedding is None:
        notes.append(Remark("doctor.not_judged"))
        evidence = PageEvidence(inspected, pages.class_names, copies, run=run, match=match)
    else:
        say("judging labels")
        if run is None or not run.folds:
            notes.append(Remark("doctor.general" if has_packaged() else "doctor.biased"))
        groups = join_groups(len(inspected), [(pair.first, pair.second) for pair in copies])
        probabilities = held_out_probabilities(embedding, inspected, groups, len(pages.class_names), run, match, seed)
        labelled = [inspected[index] for index in embedding.indices]
        evidence = PageEvidence(
            inspected, pages.class_names, copies, labelled, embedding.points, probabilities,
            groups[embedding.indices], run, match,
        )  # fmt: skip
    judge = evidence.judge
    if judge is not None:
        notes.append(judge_remark(judge))
        if not judge.is_trusted:
            notes.append(Remark("doctor.no_verdict", {"level": f"{TRUSTED:.0%}"}))
    finders = dict.fromkeys(kind.find for kind in KINDS.values())
    issues = [issue for find in finders for issue in find(evidence)]
    order = list(KINDS)
    return Examination(
        class_names=pages.class_names,
        class_targets=pages.class_targets,
        pages=tuple(inspected),
        issues=tuple(sorted(issues, key=lambda issue: order.index(issue.kind))),
        census=tuple(count_classes(inspected, pages.class_names, judge)),
        notes=tuple(notes),
        judged=np.empty(0, int) if embedding is None else embedding.indices,
        probabilities=None if embedding is None else evidence.probabilities,
        judge=judge,
    )


def _same_classes(run: RunFolder, pages: PageSet) -> ClassMatch:
    card = read_card(run)
    match = match_classes(card.class_names, card.class_targets, pages.class_names, pages.class_targets)
    if not match.is_same:
        raise UserError(f"{run.path}: was trained on other classes than the data folder has; choose another run.")
    return match


def judge_remark(judge: Judge) -> Remark:
    """Return the sentence that says how good the judge of the labels is."""
    numbers = {"agreeing": f"{judge.num_agreeing:,}", "total": f"{judge.num_pages:,}"}
    interval = {"low": f"{judge.low:.1%}", "high": f"{judge.high:.1%}"}
    return Remark("doctor.judge", {**numbers, "accuracy": f"{judge.accuracy:.1%}", **interval})


def count_classes(
    pages: Sequence[InspectedPage], class_names: Sequence[str], judge: Judge | None = None
) -> list[ClassCensus]:
    """Return one row for each class, in the order of the classes."""
    rows = []
    for label, name in enumerate(class_names):
        labelled = [page for page in pages if page.label == label and page.split != "test"]
        readable = [page for page in labelled if page.problem is None]
        medians = {
            key: float(np.median([getattr(page, key) for page in readable])) if readable else 0.0
            for key in ("width", "height", "brightness")
        }
        coloured = float(np.mean([page.colour >= COLOURED for page in readable])) if readable else 0.0
        num_train = sum(page.split == "train" for page in labelled)
        predicted = None if judge is None else judge.by_class[label]
        rows.append(ClassCensus(name, num_train, len(labelled) - num_train, **medians, coloured=coloured,
                                predicted=predicted))  # fmt: skip
    return rows
