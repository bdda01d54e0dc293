"""Queues of pages that a person should review."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from munseo._data import PageSet, read_table
from munseo._data.class_match import match_classes
from munseo._data.image_finder import nfc
from munseo._errors import UserError
from munseo._locale import Texts
from munseo._prediction.inference import read_card
from munseo._run import RunFolder
from munseo._spreadsheet import original_cell
from munseo._ui.page_templates import per_cent
from munseo._ui.run_predictions import PagePrediction, RunPredictions
from munseo._ui.site import Site

QUEUES = ("labels", "copies", "uncertain")
LABEL_KINDS = ("label_error", "missing_class", "label_candidate")
"""Kinds of the doctor's issues that question a label."""
MAX_ITEMS = 500
"""Largest number of pages in a queue."""
MIN_CONFIDENCE = 0.5
"""Confidence from which a held-out prediction other than the label makes the label suspect."""
MAX_CONFIDENCE = 0.7
"""Confidence below which a page is uncertain."""


@dataclass(frozen=True)
class ReviewItem:
    """A page in a queue, with the indices of its class and of one that fits better, and the reason to review it.

    ``part`` is ``train`` or ``val``, and ``other`` the ID of the other page of a pair.
    """

    part: str
    id: str
    label: int
    suggested: int | None
    why: str
    other: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The part and ID that name the page in the file of decisions."""
        return self.part, self.id


def queue(name: str, site: Site, pages: PageSet, run: RunFolder | None, texts: Texts) -> list[ReviewItem]:
    """Return the pages of a queue, one of ``QUEUES``, the most urgent first and each once.

    The held-out predictions of ``run`` find suspect labels and uncertain pages; without a run only the doctor's issues
    are used.
    """
    labels = {
        (part, page.id): page.label
        for part, in_part in (("train", pages.train), ("val", pages.val or ()))
        for page in in_part
        if page.label is not None
    }
    items: list[ReviewItem] = []
    if name != "uncertain" and site.issues is not None:
        items += _issues(site.issues, name == "copies", pages, labels, texts)
    if name != "copies" and run is not None:
        items += _predicted(name, RunPredictions(site, run), pages, labels, texts)
    unique: dict[tuple[str, str], ReviewItem] = {}
    for item in items:
        unique.setdefault(item.key, item)
    return list(unique.values())[:MAX_ITEMS]


def _issues(
    file: Path, copies: bool, pages: PageSet, labels: dict[tuple[str, str], int], texts: Texts
) -> Iterator[ReviewItem]:
    table = read_table(file)
    missing = {"kind", "ID", "part", "other_ID", "suggested_target", "detail"} - set(table.columns)
    if missing:
        raise UserError(f"{file}: has no column {', '.join(sorted(missing))}; is it a file that the doctor wrote?")
    for row in table.rows:
        values = {name: original_cell(text) for name, text in row.values.items()}
        key = (values["part"], nfc(values["ID"]))
        # Only the issues of copies name a second page.
        wanted = bool(values["other_ID"]) if copies else values["kind"] in LABEL_KINDS
        if not wanted or key not in labels:
            continue
        suggested = values["suggested_target"]
        yield ReviewItem(
            *key,
            label=labels[key],
            suggested=pages.class_targets.index(suggested) if suggested in pages.class_targets else None,
            why=texts.translate(values["detail"]),
            other=nfc(values["other_ID"]) or None,
        )


def _predicted(
    name: str, predictions: RunPredictions, pages: PageSet, labels: dict[tuple[str, str], int], texts: Texts
) -> Iterator[ReviewItem]:
    if not predictions.exist:
        return
    card = read_card(predictions.run)
    match = match_classes(card.class_names, card.class_targets, pages.class_names, pages.class_targets)
    if not match.is_same:
        return
    data_labels = match.data_labels()
    parts = {page_id: part for part, page_id in labels}
    # The label of today counts: it may have been corrected since the run.
    labelled = [(page, labels[parts[page.id], page.id]) for page in predictions.pages() if page.id in parts]

    def item(page: PagePrediction, label: int, why: str) -> ReviewItem:
        predicted = data_labels[page.predicted]
        text = texts(why, name=pages.class_names[predicted], confidence=per_cent(page.confidence))
        return ReviewItem(parts[page.id], page.id, label, None if predicted == label else predicted, text)

    if name == "labels":
        suspect = [(p, k) for p, k in labelled if data_labels[p.predicted] != k and p.confidence >= MIN_CONFIDENCE]
        for page, label in sorted(suspect, key=lambda pair: pair[0].probabilities[match.indices[pair[1]]]):
            yield item(page, label, "why.other_label")
    else:
        uncertain = [(p, k) for p, k in labelled if p.confidence < MAX_CONFIDENCE]
        for page, label in sorted(uncertain, key=lambda pair: pair[0].confidence):
            yield item(page, label, "why.low")
