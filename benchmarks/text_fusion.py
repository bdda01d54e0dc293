"""What words add to a run, and the submissions of image and words and of the image alone.

    munseo train rvl5_shifted data_dir=…/rvl5_text text=auto second_look=false
    python benchmarks/text_fusion.py runs/… [--results benchmarks/results]
    python benchmarks/text_fusion.py --text-model …/rvl5_text
    python benchmarks/text_fusion.py runs/… --sample 80

The first call prints image, words and both on the clean and the damaged validation pages with their paired 90%
intervals, how many damaged pages had words by the damage that they got, and writes ``rvl5_text_test.csv`` and
``rvl5_text_test_image.csv`` with the score to expect. With ``--text-model`` nothing is read and no image model is
needed: the text model alone is trained on the text column of ``train.csv`` and judged on that of ``val.csv``, as it is
and misread as OCR misreads damaged pages, with and without misread copies in its training. With ``--sample`` only so
many damaged validation pages, the first ones of each class in draw 0, and half as many test pages are read by OCR: a
first look for a run that was trained with ``text: column``, in minutes.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import munseo
from munseo._augment import DAMAGES, Recipe
from munseo._data import DataLayout, load_pages
from munseo._evaluation.fusion import BothSides, judge_fusion
from munseo._evaluation.fusion_tables import read_sides
from munseo._evaluation.metrics import log_loss, macro_f1
from munseo._prediction.shifted_pages import SHIFT_SEED
from munseo._prediction.text_side import qualities
from munseo._prediction.words_of_pages import find_damaged_words, find_words
from munseo._randomness import generator
from munseo._run import RunFolder, open_run
from munseo._shift.recipe_file import read_recipe
from munseo._text import text_model
from munseo._text.reading_errors import misread
from munseo._text.text_model import TextModel
from munseo._words.page_words import PageWords

SUBMISSIONS = {"rvl5_text_test.csv": None, "rvl5_text_test_image.csv": False}
"""The files, and whether ``munseo predict`` uses words for them."""
OTHER_SEED = 1_000_003
"""Seed of the reading errors in the texts that judge: none of the errors that train."""


def damages_of(recipe: Recipe, page_id: str, draw: int) -> list[str]:
    """Return the damages that a validation page gets in a draw, by the numbers that ``apply_recipe`` draws first."""
    draws = dict(zip(DAMAGES, generator(SHIFT_SEED, f"shifted/{page_id}", draw).random((len(DAMAGES), 2)), strict=True))
    return [name for name, probability, _, _ in recipe.damages if draws[name][0] < probability]


def print_scores(run: RunFolder) -> None:
    """Print image, words and both, overall and by class."""
    words = run.read_results("text").text
    assert words is not None, "the run was trained with text"
    print(f"used: {words.used} ({words.refused or 'decided on ' + str(words.decided_on)})")
    for name, one in (("clean", words.val), ("shifted", words.shifted)):
        if one is not None:
            low, high = one.interval or (float("nan"),) * 2
            text = "none" if one.text is None else f"{one.text:.4f}"
            print(
                f"{name}: image {one.image:.4f}, words {text}, both {one.fused:.4f}, "
                f"gain {one.value:+.4f} (90 % interval {low:+.4f} to {high:+.4f})"
            )
    for entry in words.per_class:
        print(f"  {entry.name}: {entry.image:.4f} to {entry.fused:.4f} ({entry.value:+.4f})")
    for name, read in words.read.items():
        print(f"{name}: {read.num_pages - read.num_without_words} of {read.num_pages} pages have words, {read.sources}")


def print_readable(run: RunFolder) -> None:
    """Print which fraction of the damaged pages had words, and how right both sides were on these, by damage."""
    recipe, (ids, sides) = read_recipe(run), read_sides(run)
    if recipe is None or len(sides.image) < 2:
        return
    read = sides.has_words[1:]
    labels = np.broadcast_to(sides.labels, read.shape)
    image, text = sides.image[1:].argmax(axis=2) == labels, sides.text[1:].argmax(axis=2) == labels
    damages = [[set(damages_of(recipe, page, draw)) for page in ids] for draw in range(len(read))]
    print("damage: pages, fraction with words, image right, words right on pages with words")
    for name in ("any", *(entry.name for entry in recipe.damages)):
        rows = np.array([[name == "any" or name in found for found in draw] for draw in damages])
        known = rows & read
        right = text[known].mean() if known.any() else float("nan")
        print(f"  {name}: {rows.sum()}, {read[rows].mean():.3f}, {image[rows].mean():.3f}, {right:.3f}")


def write_submissions(run: RunFolder, results: Path) -> None:
    """Predict the test pages by image and words and by the image alone; print the time, and the score to expect."""
    for name, text in SUBMISSIONS.items():
        started = time.monotonic()
        file = munseo.predict(run.path, output=results / name, text=text)
        seconds = time.monotonic() - started
        expected = file.with_suffix(".expected.json")
        print(f"{name}: {len(pd.read_csv(file))} pages in {seconds:.0f} s")
        if expected.is_file():
            values = json.loads(expected.read_text("utf-8"))
            print(f"  expected macro-F1 {values['macro_f1']:.4f}, 90 % interval {values.get('interval')}")


def judge_text_model(data: Path) -> None:
    """Train the text model with 0, 2 and 4 misread copies of each text, and judge it on clean and misread ones."""
    train, val = (pd.read_csv(data / f"{name}.csv", keep_default_na=False) for name in ("train", "val"))
    names = [str(name) for name in sorted(train["target"].unique())]
    labels = [names.index(str(target)) for target in train["target"]]
    truth = np.array([names.index(str(target)) for target in val["target"]])
    spoilt = [misread(text, OTHER_SEED, number) for number, text in enumerate(val["text"])]
    print("copies, seconds, clean macro-F1 and log loss, misread macro-F1 and log loss")
    for copies in (0, 2, 4):
        text_model.NUM_COPIES = copies
        started = time.monotonic()
        model = TextModel.fit(list(train["text"]), labels, names)
        seconds = time.monotonic() - started
        rows = [model.probabilities(list(texts)) for texts in (val["text"], spoilt)]
        scores = [(macro_f1(truth, row.argmax(axis=1), len(names)), log_loss(truth, row)) for row in rows]
        print(f"  {copies}, {seconds:.0f}, " + ", ".join(f"{f1:.4f} {loss:.3f}" for f1, loss in scores), flush=True)


def judge_sample(run: RunFolder, num_pages: int) -> None:
    """Read some damaged validation pages and test pages, and judge image, words and both on the former."""
    config = run.read_config().model_copy(update={"text": "ocr", "text_column": None})
    pages, recipe = load_pages(config.data_dir, DataLayout.from_config(config)), read_recipe(run)
    ids, sides = read_sides(run)
    assert recipe is not None, "the run validated damaged pages"
    per_class = num_pages // sides.image.shape[2]
    by_id = {page.id: page for page in (*pages.train, *(pages.val or ()))}
    ranks = pd.Series(sides.labels).groupby(sides.labels).cumcount().to_numpy()
    chosen = np.flatnonzero(ranks < per_class)
    [words] = find_damaged_words(config, [by_id[ids[index]] for index in chosen], recipe, 1) or [[]]
    _print_reading("damaged validation pages", words)
    model, labels = TextModel.load(run.text_dir), sides.labels[chosen]
    text = np.stack([sides.text[0, chosen], model.probabilities([page.text for page in words])])
    read = np.array([bool(page.words) for page in words])
    right = text.argmax(axis=2) == labels
    print(f"  words alone right: {right[0].mean():.3f} undamaged, {right[1][read].mean():.3f} damaged")
    both = BothSides(
        labels,
        sides.groups[chosen],
        sides.image[:2, chosen],
        text,
        np.stack([sides.qualities[0, chosen], qualities(words)]),
    )
    judged = judge_fusion(both, config.random_seed)
    if judged is not None:
        found, difference = judged.fused[1].argmax(axis=1), judged.differences["shifted"]
        image = macro_f1(labels, both.image[1].argmax(axis=1), text.shape[2])
        print(
            f"  image {image:.4f}, both {macro_f1(labels, found, text.shape[2]):.4f}, gain {difference.value:+.4f} "
            f"(90 % interval {difference.low:+.4f} to {difference.high:+.4f})"
        )
    _print_reading("test pages", find_words(config, pages.test[: num_pages // 2], {}))


def _print_reading(name: str, words: Sequence[PageWords]) -> None:
    known = [page for page in words if page.words]
    confidence = np.mean([np.mean(page.confidences) for page in known if page.confidences is not None])
    pose = np.mean([page.pose_certainty for page in known])
    print(f"{name}: {len(known)} of {len(words)} have words, confidence {confidence:.2f}, pose {pose:.2f}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path, help="a run that was trained with text")
    parser.add_argument("--results", type=Path, help="folder for the submissions; default: none are written")
    parser.add_argument(
        "--text-model", type=Path, metavar="DATA", help="judge the text model alone on this data folder"
    )
    parser.add_argument("--sample", type=int, help="read only so many damaged validation pages")
    options = parser.parse_args()
    if options.text_model is not None:
        judge_text_model(options.text_model)
    if options.run is not None:
        run = open_run(options.run)
        if options.sample:
            judge_sample(run, options.sample)
            return
        print_scores(run)
        print_readable(run)
        if options.results is not None:
            options.results.mkdir(parents=True, exist_ok=True)
            write_submissions(run, options.results)


if __name__ == "__main__":
    main()
