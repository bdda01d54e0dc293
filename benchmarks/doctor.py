"""Measure how many planted faults `munseo doctor` finds: wrong labels, near duplicates, leaks.

    python benchmarks/doctor.py data/rvl5 --run runs/2507… --json doctor.json
    python benchmarks/doctor.py --reduced          # seconds, on generated pages: does the script run?

A copy of the train and validation split gets wrong labels (5 % of all pages), near duplicates (3 % of the train pages)
and leaks (2 % of the train pages, into validation). The seed decides which pages, and how. A planted copy may be turned
by 90, 180 or 270 degrees, mirrored, and rotated by up to 4 degrees, and is always saved again as a JPEG of quality 25
to 80.

The data also have natural copies. What the doctor finds before anything is planted is counted separately. A person has
looked at those of rvl5, and the pair that shows two different pages counts as a false alarm.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from munseo import _synth as specimens
from munseo._console import quietly
from munseo._cores import num_cores
from munseo._data import Page, PageSet, decode, load_pages
from munseo._doctor import Examination, Issue, examine
from munseo._doctor.duplicates import find_copies, find_duplicates
from munseo._doctor.inspected_page import inspect_pages
from munseo._doctor.issue import PageEvidence
from munseo._doctor.label_errors import rank_labels
from munseo._randomness import generator
from munseo._run import RunFolder, open_run

WRONG, DUPLICATES, LEAKS = 0.05, 0.03, 0.02
DUPLICATE_KINDS, LEAK_KINDS = ("duplicate", "near_duplicate"), ("leak", "near_leak")
TURNS = (None, cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE)
Pair = frozenset

TWO_PAGES = frozenset({Pair(("cacd892be2125e6f.jpg", "d545b5174665528c.jpg"))})
"""Pairs of rvl5 that look alike but are different pages, as a person has judged."""


@dataclass(frozen=True)
class Planted:
    """IDs with a wrong label, and planted copies with their sources."""

    labels: frozenset[str]
    duplicates: Mapping[str, str]
    leaks: Mapping[str, str]


def damaged(page: Page, rng: np.random.Generator) -> bytes:
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
    """Write the data folder with faults. Pages with a wrong label get no copy, which would confirm the label."""
    rng = generator(seed, "doctor-benchmark")
    (out / "train").mkdir(parents=True)
    everyone = [*pages.train, *(pages.val or ())]
    for page in everyone:
        (out / "train" / page.id).write_bytes(page.path.read_bytes())
    labels = {page.id: int(page.label or 0) for page in everyone}
    wrong = [everyone[place].id for place in rng.choice(len(everyone), round(WRONG * len(everyone)), replace=False)]
    for page_id in wrong:
        others = [label for label in range(len(pages.class_names)) if label != labels[page_id]]
        labels[page_id] = int(rng.choice(others))
    sound = [page for page in pages.train if page.id not in set(wrong)]
    num_duplicates, num_leaks = (max(1, round(share * len(pages.train))) for share in (DUPLICATES, LEAKS))
    copies: dict[str, str] = {}
    for number, place in enumerate(rng.choice(len(sound), num_duplicates + num_leaks, replace=False)):
        source = sound[place]
        name = f"planted{number:04}.jpg"
        (out / "train" / name).write_bytes(damaged(source, rng))
        labels[name], copies[name] = labels[source.id], source.id
    duplicates, leaks = dict(list(copies.items())[:num_duplicates]), dict(list(copies.items())[num_duplicates:])
    rows = {
        "train": [*(page.id for page in pages.train), *duplicates],
        "val": [*(page.id for page in pages.val or ()), *leaks],
    }
    for part, names in rows.items():
        _write(out / f"{part}.csv", [("ID", "target"), *((name, pages.class_targets[labels[name]]) for name in names)])
    _write(out / "meta.csv", [("target", "class_name"), *zip(pages.class_targets, pages.class_names, strict=True)])
    return Planted(frozenset(wrong), duplicates, leaks)


def _write(path: Path, rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def pairs_of(issues: Sequence[Issue], kinds: Sequence[str]) -> set[Pair[str]]:
    return {
        frozenset((issue.page.id, issue.other.id))
        for issue in issues
        if issue.kind in kinds and issue.page and issue.other
    }


def groups_of(pairs: Iterable[Pair[str]]) -> dict[str, int]:
    """Group the pages that are the same picture, directly or through others."""
    group: dict[str, int] = {}
    for pair in pairs:
        one, two = (group.setdefault(name, len(group)) for name in sorted(pair))
        group = {name: one if number == two else number for name, number in group.items()}
    return group


def judge_pairs(
    found: set[Pair[str]], copies: Mapping[str, str], sources: Mapping[str, str], before: Mapping[str, int]
) -> dict[str, float]:
    """Precision and recall of one finder.

    Args:
        found: Pairs of IDs that were found.
        copies: The planted copies, with their sources, that should be found.
        sources: All planted copies with their sources.
        before: Groups of pages that were the same picture before planting. A copy that is paired with a twin of its
            source counts as found.
    """
    told: set[str] = set()
    num_false = num_natural = 0
    for pair in found:
        origins = {sources.get(name, name) for name in pair}
        same = len(origins) == 1 or (origins <= set(before) and len({before[name] for name in origins}) == 1)
        if pair in TWO_PAGES or not same:
            num_false += 1
        elif pair & set(copies):
            told |= pair & set(copies)
        elif not pair & set(sources):
            num_natural += 1
    return {
        "planted": len(copies),
        "found": len(told),
        "recall": len(told) / len(copies),
        "precision": len(told) / max(len(told) + num_false, 1),
        "false": num_false,
        "natural": num_natural,
    }


def judge_labels(found: Examination, planted: frozenset[str]) -> dict[str, float]:
    """Count the wrong labels within the first tenth of the ranking, and among the issues."""
    pages = [found.pages[index] for index in found.judged]
    assert found.probabilities is not None, "the packaged weights are not installed, and no run was given"
    quality = rank_labels(np.array([page.label for page in pages]), found.probabilities)
    num_top = round(0.1 * len(pages))
    top = {pages[place].id for place in np.argsort(quality, kind="stable")[:num_top]}
    verdicts = {issue.page.id for issue in found.of_kind("label_error") if issue.page}
    listed = verdicts | {issue.page.id for issue in found.of_kind("label_candidate") if issue.page}
    assert found.judge is not None
    return {
        "planted": len(planted),
        "judge_accuracy": found.judge.accuracy,
        "judge_low": found.judge.low,
        "judge_high": found.judge.high,
        "top_tenth": num_top,
        "in_top_tenth": len(planted & top),
        "recall_in_top_tenth": len(planted & top) / len(planted),
        "listed": len(listed),
        "recall": len(planted & listed) / len(planted),
        "precision": len(planted & listed) / max(len(listed), 1),
        "verdicts": len(verdicts),
        "right_verdicts": len(planted & verdicts),
    }


def measure(data: Path, run: RunFolder | None, seed: int) -> dict[str, object]:
    pages = load_pages(data)
    pages = PageSet(pages.train, pages.val, (), pages.class_names, pages.class_targets, pages.tables, pages.notes)
    with tempfile.TemporaryDirectory(prefix="munseo-doctor-") as folder:
        copy = Path(folder) / "data"
        planted = plant(pages, copy, seed)
        inspected = [page for page, _ in inspect_pages(pages, None)]
        copies = find_copies(inspected, num_cores())
        natural = find_duplicates(PageEvidence(inspected, pages.class_names, copies))
        before = groups_of(pairs_of(natural, (*DUPLICATE_KINDS, *LEAK_KINDS)))
        start = time.perf_counter()
        found = examine(load_pages(copy), run, seed)
        seconds = time.perf_counter() - start
    sources = {**planted.duplicates, **planted.leaks}
    return {
        "pages": len(found.pages),
        "seconds": round(seconds, 1),
        "cores": num_cores(),
        "duplicates": judge_pairs(pairs_of(found.issues, DUPLICATE_KINDS), planted.duplicates, sources, before),
        "leaks": judge_pairs(pairs_of(found.issues, LEAK_KINDS), planted.leaks, sources, before),
        "labels": judge_labels(found, planted.labels),
    }


def to_markdown(result: dict[str, object]) -> str:
    lines = ["| finder | planted | found | recall | precision |", "|---|---|---|---|---|"]
    for name in ("duplicates", "leaks"):
        row = result[name]
        lines.append(
            f"| {name} | {row['planted']} | {row['found']} | {row['recall']:.3f} | {row['precision']:.3f}; "
            f"{row['natural']} pairs were there before |"
        )
    row = result["labels"]
    lines.append(
        f"| wrong labels, first tenth of the ranking ({row['top_tenth']}) | {row['planted']} | {row['in_top_tenth']} "
        f"| {row['recall_in_top_tenth']:.3f} | {row['in_top_tenth'] / max(row['top_tenth'], 1):.3f} |"
    )
    lines.append(
        f"| wrong labels listed ({row['listed']}) | {row['planted']} | {round(row['recall'] * row['planted'])} "
        f"| {row['recall']:.3f} | {row['precision']:.3f} |"
    )
    lines.append(
        f"\nThe judge agrees with {row['judge_accuracy']:.3f} of the labels ({row['judge_low']:.3f} to "
        f"{row['judge_high']:.3f}); it calls {row['verdicts']} wrong, of which {row['right_verdicts']} were planted."
    )
    cores = "1 core" if result["cores"] == 1 else f"{result['cores']} cores"
    return "\n".join([*lines, "", f"{result['pages']:,} pages in {result['seconds']} s on {cores}"])


@contextmanager
def data_folder(words: argparse.Namespace) -> Iterator[Path]:
    """Yield the given folder, or generated pages that are deleted afterwards."""
    if not words.reduced:
        yield words.data
        return
    with tempfile.TemporaryDirectory(prefix="munseo-doctor-") as folder:
        yield specimens.generate(Path(folder) / "pages", num_train=72, num_test=1, longest_side_px=256, num_workers=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", help="data folder as for munseo train")
    parser.add_argument("--run", type=Path, help="as in munseo doctor; default: none")
    parser.add_argument("--seed", type=int, default=0, help="seed of the planted faults and of the folds (default 0)")
    parser.add_argument("--reduced", action="store_true", help="72 generated pages instead of a data folder")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    words = parser.parse_args()
    if (words.data is None) != words.reduced:
        parser.error("name a data folder, or --reduced")
    with quietly(), data_folder(words) as data:
        result = measure(data, open_run(words.run) if words.run else None, words.seed)
    print(to_markdown(result))
    if words.json:
        words.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
