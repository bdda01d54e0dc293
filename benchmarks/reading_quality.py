"""Measure how well the words of damaged pages are read, without labels of poses.

    python benchmarks/reading_quality.py data/rvl5_text --table val.csv --pages 60

Upright pages are turned, mirrored, photographed and soiled in ways that this script knows. Printed are the fraction of
pages whose pose was found, and the recall of the words against the reading of the undamaged page (words of three
letters and more with a confidence of 0.6 and more), over all pages and by damage.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from munseo._augment.damage import DAMAGES, apply_damages
from munseo._augment.page_frame import find_page
from munseo._augment.pose import _turned
from munseo._augment.recipe import Recipe
from munseo._data.decoder import decode
from munseo._data.pixels import letterbox
from munseo._randomness import generator
from munseo._words.level_page import make_level
from munseo._words.page_reader import read_page, read_upright
from munseo._words.tesseract_engine import TesseractEngine
from munseo._words.word_sources import to_grey

# What `munseo shift` found on the test pages of rvl5_text, without the turns, which are drawn here.
RECIPE = Recipe.of(
    "rvl5_text",
    perspective=(0.25, 0.1, 0.25),
    table=(0.15, 0.4, 0.8),
    gradient=(0.3, 0.15, 0.6),
    darkness=(0.35, 0.02, 0.4),
    focus_blur=(0.15, 0.05, 0.25),
    noise=(0.5, 0.1, 0.25),
    occlusion=(0.2, 0.05, 0.3),
    jpeg=(1, 0.15, 0.4),
)
SIDE_PX = 1000
LEAST_WORDS = 10
RIGHT_DEG = 10


def damaged(page: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float, bool, list[str]]:
    """Return a grey page, the angle counter-clockwise, whether it is mirrored, and its damages."""
    mirrored = bool(rng.random() < 0.5)
    angle = 90.0 * int(rng.integers(4)) + (float(rng.uniform(-27, 27)) if rng.random() < 0.5 else 0.0)
    chosen = []
    for name, probability, low, high in RECIPE.damages:
        chance, strength = rng.random(2)
        if chance < probability:
            chosen.append((DAMAGES[name], low + (high - low) * float(strength)))
    names = [damage.name for damage, _ in chosen]
    if mirrored:
        chosen.append((DAMAGES["mirror"], 1.0))
    chosen.append((replace(DAMAGES["rotation"], alter=lambda pose, severity, rng: _turned(pose, angle)), 1.0))
    photo = apply_damages(letterbox(page, SIDE_PX), chosen, rng)
    return to_grey(find_page(photo).cut(photo)), angle, mirrored, names


def counted(words: Iterable[str]) -> Counter[str]:
    return Counter(part for word in words for part in re.findall(r"[^\W_]{3,}", word.lower()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--table", default="val.csv", help="table of upright pages; their images are in train/")
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--draw", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    engine = TesseractEngine(["eng"])
    ids = pd.read_csv(options.data / options.table, dtype=str)["ID"].tolist()
    rows = []
    for page_id in ids[:: max(1, len(ids) // options.pages)]:
        page = decode(options.data / "train" / page_id)
        clean = read_upright(make_level(to_grey(page)).pixels, engine)
        expected = counted(np.array(clean.words, object)[clean.confidences >= 0.6])
        if expected.total() < LEAST_WORDS:
            continue
        grey, angle, mirrored, names = damaged(page, generator(0, f"reading quality/{page_id}", options.draw))
        words = read_page(grey, engine)
        off = 90 * words.quarter_turns - make_level(grey).skew_deg - angle
        right = abs((off + 180) % 360 - 180) <= RIGHT_DEG and words.mirrored == mirrored
        found = (expected & counted(words.words)).total()
        rows.append((page_id, right, expected.total(), found, words.pose_certainty, names))
        print(f"{page_id}: {'right' if right else 'WRONG'}, {found} of {expected.total()} words, {', '.join(names)}")
    table = pd.DataFrame(rows, columns=["ID", "right", "expected", "found", "certainty", "damages"])
    table["recall"] = table.found / table.expected
    print(f"\n{len(table)} pages: pose right {table.right.mean():.3f}; recall of all words")
    print(f"{table.found.sum() / table.expected.sum():.3f}, mean over pages {table.recall.mean():.3f}")
    for name in DAMAGES:
        part = table[[name in names for names in table.damages]]
        if len(part):
            print(
                f"  {name:12} {len(part):3} pages: pose right {part.right.mean():.2f}, recall {part.recall.mean():.2f}"
            )
    wrong, sure = table.certainty[~table.right], table.certainty[table.right]
    print(f"certainty: median {sure.median():.2f} where right, {wrong.tolist()} where wrong")


if __name__ == "__main__":
    main()
