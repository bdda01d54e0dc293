"""The words of a run: a text model is trained on those of the training pages, and fused with the image if that helps.

The fusion is fitted and judged on the validation pages, which neither model was trained on; each page is judged by
weights that the other groups of pages gave (``munseo._evaluation.fusion``). From then on the run's tables of
predictions hold the fused probabilities, and whatever is measured on them is measured on what predicts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from munseo._config import Config
from munseo._console import say
from munseo._data import Page
from munseo._data.text_column import read_texts
from munseo._errors import UserError
from munseo._evaluation.fusion import BothSides, FusionJudgement, judge_fusion
from munseo._evaluation.fusion_tables import (
    MOST_CHANGED,
    changed_pages,
    text_by_class,
    text_differences,
    write_fused,
    write_sides,
)
from munseo._evaluation.held_out import read_held_out
from munseo._evaluation.held_out_groups import page_groups
from munseo._model import ModelCard
from munseo._prediction.text_side import qualities, save_fusion
from munseo._prediction.words_of_pages import find_damaged_words, find_words
from munseo._run import RunFolder
from munseo._run.text_scores import ClassWords, ReadingCounts, SpeakingWord, TextScores
from munseo._text.text_model import TextModel
from munseo._text.word_evidence import ClassWord, class_words
from munseo._training.training_data import Collection, Split
from munseo._words.page_words import PageWords

Texts = Mapping[str, str]
"""The user's own texts by page ID."""


def collect_texts(config: Config, collection: Collection) -> dict[str, str]:
    """Return the user's own texts of training and validation pages, before the run folder is made.

    Raises:
        UserError: There is no column of text where one is needed.
    """
    if config.text not in ("auto", "column"):
        return {}
    tables = [path for name, path in collection.pages.tables.items() if name in ("train", "val")]
    if not tables and config.text == "column":
        raise UserError("text: column needs a table of the pages, and the data folder has none; set text: none.")
    return read_texts(tables, config.id_column, config.text_column, needed=config.text == "column")


def fuse_validation(run: RunFolder, config: Config, card: ModelCard, split: Split, texts: Texts) -> TextScores:
    """Train the text model, fuse it with the image where that helps, and write both and the run's predictions.

    Args:
        run: A run whose validation pages were predicted by the image model.
        config: Its configuration, with ``text``.
        card: Its model card.
        split: Its pages.
        texts: The user's own texts.

    Returns:
        The entry ``text`` of its results.
    """
    words = find_words(config, split.train, texts, "words of training pages")
    read = {"train": _reading(words)}
    try:
        model = _train(config, card, split.train, words)
    except UserError as error:
        say(error.message)
        return TextScores(refused="no_words", read=read, min_pages=config.text_min_pages)
    own = find_words(config, split.val, texts, "words of validation pages")
    image = read_held_out(run.path)
    assert image is not None, "the image model has predicted its validation pages"
    assert image.clean is not None, "clean pages are always predicted"
    num_draws = 0 if image.shifted is None else len(image.shifted)
    damaged = None
    if num_draws and split.recipe is not None:
        damaged = find_damaged_words(config, split.val, split.recipe, num_draws)
    # The user's own text and a PDF's come beside the picture, and no damage reaches them.
    draws = [own, *(damaged or [own] * num_draws)]
    read["val"] = _reading(own)
    if num_draws:
        read["shifted"] = _reading([page for draw in draws[1:] for page in draw])
    sides = BothSides(
        image.labels,
        page_groups(run, image.ids),
        np.concatenate([rows for rows in (image.clean[None], image.shifted) if rows is not None]),
        np.stack([model.probabilities([page.text for page in draw]) for draw in draws]),
        np.stack([qualities(draw) for draw in draws]),
    )
    write_sides(run, image.ids, sides)
    model.save(run.text_dir)
    if config.text_keep:
        _keep_words(run, split.val, draws)
    judgement = judge_fusion(sides, config.random_seed)
    spoken = class_words(model, [page.words for page in words], _labels(split.train), config.text_min_pages)
    common: dict[str, Any] = {
        "read": read,
        "damaged_words": damaged is not None,
        "min_pages": config.text_min_pages,
        "class_words": _class_words(card, spoken),
    }
    if judgement is None:
        say("text: too few validation pages have words to fit a fusion; the image alone predicts")
        return TextScores(refused="few_pages", **common)
    _say_verdict(judgement)
    if judgement.helps:
        save_fusion(run, judgement.fusion)
        write_fused(run, image.ids, sides.labels, judgement.fused)
    better, worse = changed_pages(image.ids, sides, judgement, card.class_names)
    return TextScores(
        used=judgement.helps,
        refused=None if judgement.helps else "no_gain",
        decided_on=judgement.decided_on,
        **text_differences(sides, judgement),
        per_class=text_by_class(sides, judgement, card.class_names),
        num_better=len(better),
        num_worse=len(worse),
        better=tuple(better[:MOST_CHANGED]),
        worse=tuple(worse[:MOST_CHANGED]),
        **common,
    )


def _train(config: Config, card: ModelCard, pages: Sequence[Page], words: Sequence[PageWords]) -> TextModel:
    with_words = sum(bool(page.words) for page in words)
    say(f"text: training on the words of {with_words} of {len(pages)} pages")
    texts = [page.text for page in words]
    return TextModel.fit(texts, _labels(pages), card.class_names, config.text_min_pages, config.random_seed)


def _labels(pages: Sequence[Page]) -> list[int]:
    labels = [page.label for page in pages]
    assert None not in labels, "train and validation pages have labels"
    return [label for label in labels if label is not None]


def _reading(words: Sequence[PageWords]) -> ReadingCounts:
    counts = np.array([len(page.words) for page in words])
    confidences = [float(np.mean(page.confidences)) for page in words if page.confidences is not None and page.words]
    return ReadingCounts(
        num_pages=len(words),
        num_without_words=int((counts == 0).sum()),
        sources=dict(sorted(Counter(str(page.source) for page in words).items())),
        median_words=float(np.median(counts[counts > 0])) if counts.any() else None,
        mean_confidence=float(np.mean(confidences)) if confidences else None,
    )


def _class_words(card: ModelCard, spoken: Sequence[Sequence[ClassWord]]) -> tuple[ClassWords, ...]:
    return tuple(
        ClassWords(name=name, words=tuple(SpeakingWord(**asdict(word)) for word in words))
        for name, words in zip(card.class_names, spoken, strict=True)
    )


def _say_verdict(judgement: FusionJudgement) -> None:
    difference = judgement.differences[judgement.decided_on]
    pages = "damaged" if judgement.decided_on == "shifted" else "clean"
    verdict = "words are used" if judgement.helps else "words do not help for certain, so the image alone predicts"
    say(
        f"text: {difference.value:+.4f} macro-F1 on {pages} validation pages (90 % interval {difference.low:+.4f} to "
        f"{difference.high:+.4f}); {verdict}"
    )


def _keep_words(run: RunFolder, pages: Sequence[Page], draws: Sequence[Sequence[PageWords]]) -> None:
    """Keep the words of validation pages in the run folder, as ``text_keep`` asks for."""
    rows = [
        (page.id, draw, words.source, words.text)
        for draw, read in enumerate(draws, -1)
        for page, words in zip(pages, read, strict=True)
    ]
    run.write_table(run.words_file, pd.DataFrame(rows, columns=["ID", "draw", "source", "text"]))
