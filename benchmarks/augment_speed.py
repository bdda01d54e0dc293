"""Measure how many pages per second each augmentation policy makes on one core.

    python benchmarks/augment_speed.py                 # generated pages, 320 px
    python benchmarks/augment_speed.py --images data/train --json speed.json

Policies take turns, so that a busy machine slows all of them alike; the median of the turns is shown. Process time is
the time of the work itself, wall time includes waiting.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from munseo._augment import COMPETITION, DAMAGES, POLICY_NAMES, apply_recipe, build_policy, cutout
from munseo._data import decode, letterbox
from munseo._randomness import generator

NUM_PAGES = 32


def draw_page(index: int, size_px: int) -> np.ndarray:
    """Draw text lines on grey paper, letterboxed."""
    rng = generator(0, "benchmark-page", index)
    width = int(size_px * rng.uniform(0.68, 0.8))
    page = np.full((size_px, width, 3), rng.integers(225, 252), np.uint8)
    for top in range(size_px // 12, size_px - size_px // 12, 7):
        cv2.line(page, (width // 10, top), (int(width * rng.uniform(0.5, 0.9)), top), (40, 40, 40), 2)
    return letterbox(page, size_px)


def load_pages(folder: Path | None, size_px: int) -> list[np.ndarray]:
    if folder is None:
        return [draw_page(index, size_px) for index in range(NUM_PAGES)]
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))[:NUM_PAGES]
    if not paths:
        sys.exit(f"{folder}: no JPEG or PNG images")
    return [letterbox(decode(path), size_px) for path in paths]


def list_subjects(with_damages: bool) -> dict:
    subjects = {name: build_policy(name) for name in POLICY_NAMES}
    subjects["cutout"] = cutout
    subjects["competition recipe"] = lambda image, rng: apply_recipe(image, COMPETITION, rng)
    if with_damages:
        # Over the whole range of severities, as a recipe draws them.
        for name, damage in DAMAGES.items():
            subjects[f"damage: {name}"] = lambda image, rng, damage=damage: damage(image, rng.random(), rng)
    return subjects


def measure(subjects: dict, pages: list[np.ndarray], repeats: int, num_images: int) -> dict[str, dict[str, float]]:
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in subjects}
    for subject in subjects.values():
        subject(pages[0], generator(0, "warm-up"))
    for repeat in range(repeats):
        for name, subject in subjects.items():
            process, wall = time.process_time(), time.perf_counter()
            for index in range(num_images):
                # A new generator for each page, as in training; its time counts.
                subject(pages[index % len(pages)], generator(0, "benchmark", repeat, index))
            seconds[name].append((time.process_time() - process, time.perf_counter() - wall))
    return {
        name: {
            "images_per_s_process": num_images / statistics.median(process for process, _ in turns),
            "images_per_s_wall": num_images / statistics.median(wall for _, wall in turns),
            "ms_process_min": 1000 * min(process for process, _ in turns) / num_images,
        }
        for name, turns in seconds.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="folder of pages; default: generated ones")
    parser.add_argument("--size", type=int, default=320, help="side of the square, px (default 320)")
    parser.add_argument("--repeats", type=int, default=7, help="turns of each policy (default 7)")
    parser.add_argument("--num-images", type=int, default=100, help="pages in a turn (default 100)")
    parser.add_argument("--damages", action="store_true", help="also each single damage")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    pages = load_pages(options.images, options.size)
    found = measure(list_subjects(options.damages), pages, options.repeats, options.num_images)
    print(f"{options.size} px, one core, median of {options.repeats} turns of {options.num_images} pages")
    print(f"{'':24s}{'images/s':>10s}{'images/s':>10s}{'ms':>8s}\n{'':24s}{'process':>10s}{'wall':>10s}{'best':>8s}")
    for name, figures in found.items():
        print(
            f"{name:24s}{figures['images_per_s_process']:10.0f}{figures['images_per_s_wall']:10.0f}"
            f"{figures['ms_process_min']:8.2f}"
        )
    if options.json:
        about = {"size_px": options.size, "repeats": options.repeats, "num_images": options.num_images}
        about["opencv"] = cv2.__version__
        options.json.write_text(json.dumps({**about, "policies": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
