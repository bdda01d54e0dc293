"""Measure when the doctor may call a label wrong, and when it finds a kind of page that nobody labelled.

    python benchmarks/doctor_judge.py data/rvl5 data/generated
    python benchmarks/doctor_judge.py --reduced    # seconds, on generated pages: does the script run?

Every folder is embedded once with the packaged weights. Then small tables are drawn from it: subsets of its classes
with a few pages each, with 0%, 2% and 6% of the labels replaced at random. For each table the judge's accuracy is
known, and which of the doctor's verdicts are right. Labels of the folder itself count as right, so natural errors count
as false verdicts. The other table hides a class: its pages get the labels of other classes.

Generated pages: ``munseo demo``'s generator, ``munseo._synth.generate(folder, num_train=680)``.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from munseo import _synth as specimens
from munseo._console import quietly
from munseo._data import load_pages
from munseo._data.page_groups import join_groups
from munseo._doctor.duplicates import find_copies
from munseo._doctor.embeddings import Embedding, embed, load_backbone
from munseo._doctor.held_out_probabilities import held_out_probabilities
from munseo._doctor.inspected_page import InspectedPage, inspect_pages
from munseo._doctor.judge import are_probably_wrong, assess
from munseo._doctor.missing_classes import find_groups
from munseo._randomness import generator

LEVELS = ((0.0, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.85), (0.85, 1.0))
"""Ranges of the lower end of the judge's interval."""

NOISE_RATES = (0.0, 0.02, 0.06)
SURE = 0.9


@dataclass(frozen=True)
class Points:
    """The embedded pages of a folder."""

    points: np.ndarray
    labels: np.ndarray
    copies: np.ndarray

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return int(self.labels.max()) + 1

    def draw(self, classes: Sequence[int], num_each: int, rng: np.random.Generator) -> Points:
        """Return a table of some classes, numbered anew, with up to ``num_each`` pages each."""
        chosen = [np.flatnonzero(self.labels == label) for label in classes]
        indices = np.concatenate([rng.choice(one, min(num_each, len(one)), replace=False) for one in chosen])
        return Points(self.points[indices], np.searchsorted(classes, self.labels[indices]), self.copies[indices])


def embed_folder(folder: Path) -> Points:
    backbone = load_backbone(None)
    assert backbone is not None, "the packaged weights are not installed"
    pages, embedding = embed(inspect_pages(load_pages(folder), backbone.card.image_size), backbone)
    assert embedding is not None
    copies = join_groups(len(pages), [(pair.first, pair.second) for pair in find_copies(pages, 2)])
    labels = np.array([int(pages[index].label or 0) for index in embedding.indices])
    return Points(embedding.points, labels, copies[embedding.indices])


def mislabelled(
    labels: np.ndarray, rate: float, num_classes: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return labels of which a fraction is another class, and (N,) bool which."""
    is_wrong = np.zeros(len(labels), bool)
    is_wrong[rng.choice(len(labels), round(rate * len(labels)), replace=False)] = True
    shift = rng.integers(1, num_classes, len(labels))
    return np.where(is_wrong, (labels + shift) % num_classes, labels), is_wrong


def tables_of(data: Points, is_reduced: bool) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yield the classes and the number of pages of each table."""
    everything = tuple(range(data.num_classes))
    if is_reduced:
        yield everything[:3], 12
    elif data.num_classes <= 6:
        few = [subset for size in (2, 3) for subset in itertools.combinations(everything, size)]
        yield from itertools.product(few, (15, 40, 150))
        yield from itertools.product([everything], (12, 25, 50, 100, 200, 10**6))
    else:
        rng = generator(0, "doctor-judge-classes")
        for size, num_each, _ in itertools.product((3, 8, data.num_classes), (4, 8, 15, 40), range(2)):
            yield tuple(sorted(rng.choice(data.num_classes, size, replace=False).tolist())), num_each


def measure_verdicts(data: Points, is_reduced: bool) -> list[dict[str, float]]:
    rows = []
    for number, ((classes, num_each), rate) in enumerate(itertools.product(tables_of(data, is_reduced), NOISE_RATES)):
        rng = generator(0, "doctor-judge", number)
        table = data.draw(classes, num_each, rng)
        labels, is_wrong = mislabelled(table.labels, rate, len(classes), rng)
        pages: list[InspectedPage] = [SimpleNamespace(label=int(label)) for label in labels]  # type: ignore[misc]
        embedding = Embedding(table.points, np.arange(len(labels)))
        predicted = held_out_probabilities(embedding, pages, table.copies, len(classes), None, None, 0)
        contradicted = predicted.argmax(axis=1) != labels
        judge, verdicts = assess(labels, predicted, table.copies), contradicted & are_probably_wrong(labels, predicted)
        is_sure = predicted.max(axis=1) >= SURE
        rows.append({
            "low": judge.low, "rate": rate, "pages": len(labels), "wrong": is_wrong.sum(),
            "contradicted": contradicted.sum(), "contradicted_right": (contradicted & is_wrong).sum(),
            "verdicts": verdicts.sum(), "verdicts_right": (verdicts & is_wrong).sum(),
            "sure": is_sure.sum(), "sure_stated": predicted.max(axis=1)[is_sure].sum(),
            "sure_agreeing": (is_sure & ~contradicted).sum(),
            "sure_contradicted": (is_sure & contradicted).sum(),
            "sure_wrong": (is_sure & contradicted & is_wrong).sum(),
        })  # fmt: skip
    return rows


def print_verdicts(rows: Sequence[dict[str, float]]) -> None:
    print(
        "| interval begins at | wrong labels | tables, pages | contradictions, of which right | verdicts, of which "
        "right | verdicts on 1,000 pages | predictions of 90% or more: stated, agreeing | contradictions among them, "
        "right |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for (low, high), rate in itertools.product(LEVELS, NOISE_RATES):
        inside = [row for row in rows if low <= row["low"] < high and row["rate"] == rate]
        if not inside:
            continue
        of = {key: int(sum(row[key] for row in inside)) for key in inside[0]}
        stated = sum(row["sure_stated"] for row in inside)
        sure = f"{stated / of['sure']:.3f}, {of['sure_agreeing'] / of['sure']:.3f}" if of["sure"] else "–"
        print(f"| {low:.2f} to {high:.2f} | {rate:.0%} | {len(inside)}, {of['pages']:,} "
              f"| {of['contradicted']:,}, {of['contradicted_right']:,} | {of['verdicts']:,}, {of['verdicts_right']:,} "
              f"| {1000 * of['verdicts'] / of['pages']:.1f} | {sure} "
              f"| {of['sure_contradicted']}, {of['sure_wrong']} |")  # fmt: skip


Change = Callable[[Points, np.random.Generator, int], tuple[np.ndarray, np.ndarray]]
"""Changes labels; returns them with (N,) bool which pages are of the hidden class."""


def hiding(num_others: int | None, rate: float = 0.0, most: int | None = None) -> Change:
    """Hide a class: its pages (at most ``most`` of them) are spread over ``num_others`` classes, None for all."""

    def change(table: Points, rng: np.random.Generator, hidden: int) -> tuple[np.ndarray, np.ndarray]:
        is_hidden = table.labels == hidden
        others = np.setdiff1d(np.arange(table.num_classes), [hidden])
        chosen = others if num_others is None else rng.choice(others, num_others, replace=False)
        labels, _ = mislabelled(table.labels, rate, table.num_classes, rng)
        labels = np.where(labels == hidden, rng.choice(others, len(labels)), labels)
        labels[is_hidden] = rng.choice(chosen, is_hidden.sum())
        if most is not None:
            labels[np.flatnonzero(is_hidden)[most:]] = -1  # these pages are left out
        return labels, is_hidden

    return change


def spoiling(rate: float) -> Change:
    def change(table: Points, rng: np.random.Generator, _: int) -> tuple[np.ndarray, np.ndarray]:
        return mislabelled(table.labels, rate, table.num_classes, rng)[0], np.zeros(len(table.labels), bool)

    return change


def swapping(rate: float) -> Change:
    """Swap two classes on a fraction of their pages."""

    def change(table: Points, rng: np.random.Generator, _: int) -> tuple[np.ndarray, np.ndarray]:
        first, second = rng.choice(table.num_classes, 2, replace=False)
        swapped = np.isin(table.labels, (first, second)) & (rng.random(len(table.labels)) < rate)
        return np.where(swapped, first + second - table.labels, table.labels), np.zeros(len(table.labels), bool)

    return change


CHANGES: dict[str, Change] = {
    "nothing": spoiling(0),
    "2% of the labels wrong": spoiling(0.02),
    "6% of the labels wrong": spoiling(0.06),
    "20% of the labels wrong": spoiling(0.2),
    "two classes swapped on 30% of their pages": swapping(0.3),
    "a class hidden in all others": hiding(None),
    "a class hidden in all others, and 6% wrong": hiding(None, 0.06),
    "a class hidden in two others": hiding(2),
    "20 pages of a class hidden in all others": hiding(None, most=20),
}


def measure_missing(data: Points, sizes: Sequence[int], num_draws: int) -> Iterator[str]:
    yield "| pages of a class | change | tables | tables with a group | hidden class found | its pages found | purity |"
    yield "|---|---|---|---|---|---|---|"
    for num_each, (name, change) in itertools.product(sizes, CHANGES.items()):
        alarms, hides, recalls, purities = 0, False, [], []
        for number in range(num_draws):
            rng = generator(number, "doctor-missing", num_each)
            table = data.draw(range(data.num_classes), num_each, rng)
            labels, is_hidden = change(table, rng, number % data.num_classes)
            kept = labels >= 0
            groups = find_groups(table.points[kept], labels[kept], table.copies[kept])
            alarms += bool(groups)
            hides |= bool(is_hidden.any())
            hits = [group.members & is_hidden[kept] for group in groups]
            best = max(range(len(groups)), key=lambda index: hits[index].sum(), default=None)
            if best is not None and is_hidden.any() and hits[best].sum() >= groups[best].members.sum() / 2:
                recalls.append(hits[best].sum() / is_hidden[kept].sum())
                purities.append(hits[best].sum() / groups[best].members.sum())
        found = f"{len(recalls)} of {num_draws}" if hides else ""
        means = f"{np.mean(recalls):.2f} | {np.mean(purities):.2f}" if recalls else " | "
        yield f"| {num_each} | {name} | {num_draws} | {alarms} | {found} | {means} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="*", help="data folders as for munseo train")
    parser.add_argument("--reduced", action="store_true", help="a few generated pages instead")
    words = parser.parse_args()
    if bool(words.data) == words.reduced:
        parser.error("name data folders, or --reduced")
    with quietly(), tempfile.TemporaryDirectory(prefix="munseo-doctor-") as scratch:
        folders = words.data
        if words.reduced:
            generated = specimens.generate(Path(scratch) / "pages", num_train=85, num_test=1, longest_side_px=128,
                                           num_workers=1)  # fmt: skip
            folders = [generated]
        for folder in folders:
            data = embed_folder(folder)
            print(f"\n{folder.name}: {len(data.labels):,} pages of {data.num_classes} classes\n")
            print_verdicts(measure_verdicts(data, words.reduced))
            sizes = (5,) if words.reduced else (20, 40, 80, 160) if data.num_classes <= 6 else (10, 20, 40)
            print()
            for line in measure_missing(data, sizes, 1 if words.reduced else 10):
                print(line, flush=True)


if __name__ == "__main__":
    main()
