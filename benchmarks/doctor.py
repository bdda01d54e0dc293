"""How many planted faults the doctor finds: wrong labels, near duplicates, leaks.

    python benchmarks/doctor.py data/rvl5 --run runs/2507… --json doctor.json

A copy of the train and validation part gets 5 % wrong labels (5 % of all pages), near duplicates (3 % of the train
pages) and leaks (2 % of the train pages, into validation); duplicates and leaks are turned or mirrored, laid up to 4
degrees askew, and saved again. Which pages, and how, follows from the seed. Pairs that are in the data without planting
are looked for first, and counted apart.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from munseo.data import Page, PageSet, decode, load_pages
from munseo.doctor import Examination, Issue, examine
from munseo.doctor.copies import find_copies
from munseo.doctor.labels import rank_labels
from munseo.doctor.looking import look
from munseo.randomness import generator
from munseo.run import open_run

WRONG, DUPLICATES, LEAKS = 0.05, 0.03, 0.02
TURNS = (None, cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE)
Pair = frozenset


@dataclass(frozen=True)
class Planted:
    """IDs with a wrong label, and pairs of a source and its damaged copy."""

    labels: frozenset[str]
    duplicates: frozenset[Pair[str]]
    leaks: frozenset[Pair[str]]


def damaged(page: Page, rng: np.random.Generator) -> bytes:
    """The page turned, mirrored, askew, saved again: each of them or not, one at least."""
    image = cv2.cvtColor(decode(page.path), cv2.COLOR_RGB2BGR)
    height, width = image.shape[:2]
    if rng.random() < 0.7:
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-4, 4), 1)
        image = cv2.warpAffine(image, matrix, (width, height), borderValue=(255, 255, 255))
    turn = TURNS[rng.integers(4)]
    image = image if turn is None else cv2.rotate(image, turn)
    image = cv2.flip(image, 1) if rng.random() < 0.5 else image
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))])[1].tobytes()


def plant(pages: PageSet, out: Path, seed: int) -> Planted:
    """Write the copy; unchanged images are links to the originals' bytes."""
    rng = generator(seed, "doctor-benchmark")
    train, val = list(pages.train), list(pages.val or ())
    everyone = [*train, *val]
    (out / "train").mkdir(parents=True)
    for page in everyone:
        (out / "train" / page.id).write_bytes(page.path.read_bytes())
    labels = {page.id: int(page.label or 0) for page in everyone}
    wrong = rng.choice(len(everyone), round(WRONG * len(everyone)), replace=False)
    for place in wrong:
        others = [label for label in range(len(pages.class_names)) if label != everyone[place].label]
        labels[everyone[place].id] = int(rng.choice(others))
    num_duplicates, num_leaks = round(DUPLICATES * len(train)), round(LEAKS * len(train))
    sources = rng.choice(len(train), num_duplicates + num_leaks, replace=False)
    rows = {"train": [page.id for page in train], "val": [page.id for page in val]}
    pairs: list[Pair[str]] = []
    for number, place in enumerate(sources):
        name = f"planted{number:04}.jpg"
        (out / "train" / name).write_bytes(damaged(train[place], rng))
        labels[name] = labels[train[place].id]
        rows["train" if number < num_duplicates else "val"].append(name)
        pairs.append(frozenset((train[place].id, name)))
    for part, names in rows.items():
        _write(out / f"{part}.csv", [("ID", "target"), *((name, pages.class_targets[labels[name]]) for name in names)])
    _write(out / "meta.csv", [("target", "class_name"), *zip(pages.class_targets, pages.class_names, strict=True)])
    return Planted(
        frozenset(everyone[place].id for place in wrong),
        frozenset(pairs[:num_duplicates]),
        frozenset(pairs[num_duplicates:]),
    )


def _write(path: Path, rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def pairs_of(issues: Sequence[Issue], kinds: Sequence[str]) -> set[Pair[str]]:
    return {
        frozenset((issue.sheet.page.id, issue.other.page.id))
        for issue in issues
        if issue.kind in kinds and issue.sheet and issue.other
    }


def groups_of(pairs: Iterable[Pair[str]]) -> dict[str, int]:
    """Which pages are the same picture, directly or through others."""
    group: dict[str, int] = {}
    for pair in pairs:
        one, two = (group.setdefault(name, len(group)) for name in sorted(pair))
        group = {name: one if number == two else number for name, number in group.items()}
    return group


def judge_pairs(found: set[Pair[str]], planted: frozenset[Pair[str]], before: dict[str, int]) -> dict[str, float]:
    """Recall counts planted pairs; precision takes pairs of pages that were the same before planting as neither."""
    new = {pair for pair in found if not _same_before(pair, before)}
    hits = len(planted & found)
    # A copy of a page that has twins of its own may be told beside a twin: that is as right as beside its source.
    sources = {name: next(iter(pair - {name})) for pair in planted for name in pair if name.startswith("planted")}
    through = {pair for pair in new - planted if _same_before(frozenset(sources.get(n, n) for n in pair), before)}
    covered = hits + len({name for name in sources for pair in through if name in pair} - _told(planted & found))
    false = len(new - planted - through)
    return {
        "planted": len(planted),
        "found": covered,
        "recall": covered / len(planted),
        "precision": covered / max(covered + false, 1),
        "false": false,
        "natural": len(found) - len(new),
    }


def _told(pairs: Iterable[Pair[str]]) -> set[str]:
    return {name for pair in pairs for name in pair}


def _same_before(pair: Pair[str], before: dict[str, int]) -> bool:
    numbers = [before.get(name) for name in pair]
    return len(pair) == 1 or (None not in numbers and len(set(numbers)) == 1)


def judge_labels(found: Examination, planted: frozenset[str]) -> dict[str, float]:
    sheets = [found.sheets[place] for place in found.judged]
    quality = rank_labels(np.array([sheet.page.label for sheet in sheets]), found.probabilities)
    top = round(0.1 * len(sheets))
    ranked = {sheets[place].page.id for place in np.argsort(quality, kind="stable")[:top]}
    flagged = {issue.sheet.page.id for issue in found.of_kind("label_error") if issue.sheet}
    return {
        "planted": len(planted),
        "top_10_percent": top,
        "in_top": len(planted & ranked),
        "share_in_top": len(planted & ranked) / len(planted),
        "flagged": len(flagged),
        "flagged_recall": len(planted & flagged) / len(planted),
        "flagged_precision": len(planted & flagged) / max(len(flagged), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--run", type=Path, help="default: the packaged weights judge")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    words = parser.parse_args()
    pages = load_pages(words.data)
    pages = PageSet(pages.train, pages.val, (), pages.class_names, pages.class_targets, pages.tables, pages.notes)
    run = open_run(words.run) if words.run else None
    kinds = ("duplicate", "near_duplicate", "leak", "near_leak")
    with tempfile.TemporaryDirectory(prefix="munseo-doctor-") as folder:
        copy = Path(folder) / "data"
        planted = plant(pages, copy, words.seed)
        sheets = [seen.sheet for seen in look(pages, None)]
        before = groups_of(pairs_of(find_copies(sheets, pages.class_names, os.cpu_count() or 1), kinds))
        start = time.perf_counter()
        found = examine(load_pages(copy), run, words.seed)
        seconds = time.perf_counter() - start
    result = {
        "pages": len(found.sheets),
        "seconds": round(seconds, 1),
        "duplicates": judge_pairs(pairs_of(found.issues, kinds[:2]), planted.duplicates, before),
        "leaks": judge_pairs(pairs_of(found.issues, kinds[2:]), planted.leaks, before),
        "labels": judge_labels(found, planted.labels),
    }
    text = json.dumps(result, indent=2)
    print(text)
    if words.json:
        words.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
