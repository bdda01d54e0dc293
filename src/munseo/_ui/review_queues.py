"""Pages that a person should look at, in queues."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from munseo._data import PageSet, read_table
from munseo._data.image_finder import nfc
from munseo._errors import UserError
from munseo._locale import Texts
from munseo._run import RunFolder
from munseo._spreadsheet import original_cell
from munseo._ui.page_predictions import PageScore, Predictions
from munseo._ui.page_templates import per_cent
from munseo._ui.site import Site

QUEUES = ("labels", "copies", "uncertain")
MOST = 500
"""Pages of a queue."""
SURE = 0.5
"""Confidence from which a held-out answer other than the label makes it suspect."""
UNSURE = 0.7
_COPIES = frozenset({"leak", "near_leak", "duplicate", "near_duplicate"})


@dataclass(frozen=True)
class Item:
    """A page in a queue.

    Attributes:
        part: ``train`` or ``val``.
        id: Of the page.
        label: Index of its class.
        suggested: Index of the class that fits better, or None.
        why: Why it is here, in the reader's language.
        other: ID of the other page of a pair, or None.
    """

    part: str
    id: str
    label: int
    suggested: int | None
    why: str
    other: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """As decisions name it."""
        return self.part, self.id


def queue(name: str, site: Site, pages: PageSet, run: RunFolder | None, say: Texts) -> list[Item]:
    """The pages of a queue, the most urgent first, none twice.

    Args:
        name: Of ``QUEUES``.
        site: Where the issues are.
        pages: Of the data.
        run: Whose held-out predictions suspect labels and are unsure; None: the issues alone.
        say: The reader's language.
    """
    labels = {
        (part, page.id): page.label
        for part, some in (("train", pages.train), ("val", pages.val or ()))
        for page in some
        if page.label is not None
    }
    found: list[Item] = []
    if name != "uncertain" and site.issues is not None:
        found += _issues(site.issues, name == "copies", pages, labels)
    if name != "copies" and run is not None:
        found += _predicted(name, Predictions(site, run), pages, labels, say)
    once: dict[tuple[str, str], Item] = {}
    for item in found:
        once.setdefault(item.key, item)
    return list(once.values())[:MOST]


def _issues(file: Path, copies: bool, pages: PageSet, labels: dict[tuple[str, str], int]) -> Iterator[Item]:
    table = read_table(file)
    missing = {"kind", "ID", "part", "other_ID", "suggested_target", "detail"} - set(table.columns)
    if missing:
        raise UserError(f"{file}: has no column {', '.join(sorted(missing))}; is it what the doctor wrote?")
    for row in table.rows:
        values = {name: original_cell(text) for name, text in row.values.items()}
        key = (values["part"], nfc(values["ID"]))
        wanted = values["kind"] in _COPIES if copies else values["kind"] == "label_error"
        if not wanted or key not in labels:
            continue
        suggested = values["suggested_target"]
        yield Item(
            *key,
            label=labels[key],
            suggested=pages.class_targets.index(suggested) if suggested in pages.class_targets else None,
            why=values["detail"],
            other=nfc(values["other_ID"]) or None,
        )


def _predicted(
    name: str, table: Predictions, pages: PageSet, labels: dict[tuple[str, str], int], say: Texts
) -> Iterator[Item]:
    if not table.exist or tuple(table.classes) != pages.class_names:
        return
    parts = {page_id: part for part, page_id in labels}
    scores = [score for score in table.pages() if score.id in parts]

    def item(score: PageScore, why: str, suggested: int | None) -> Item:
        part = parts[score.id]
        words = say(why, name=table.classes[score.predicted], confidence=per_cent(score.confidence))
        return Item(part, score.id, labels[part, score.id], suggested, words)

    if name == "labels":
        # By the label of today: it may have been corrected since the run.
        other = [s for s in scores if s.predicted != labels[parts[s.id], s.id] and s.confidence >= SURE]
        for score in sorted(other, key=lambda s: s.probabilities[labels[parts[s.id], s.id]]):
            yield item(score, "why.other_label", score.predicted)
    else:
        for score in sorted((s for s in scores if s.confidence < UNSURE), key=lambda s: s.confidence):
            own = labels[parts[score.id], score.id]
            yield item(score, "why.low", None if score.predicted == own else score.predicted)
