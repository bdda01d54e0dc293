"""Submissions: predictions in the form of a sample submission, with their expected score; and own test pages.

A submission has the columns, IDs and order of its sample and nothing that was not asked for, since a server compares
it. A page that cannot be read has a row too, with the first class.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from munseo._config import Config
from munseo._console import say
from munseo._data import DataLayout, ImageProblem, Page, PageSet, check_images, find_pages, load_pages, write_submission
from munseo._data.input_pages import sample_submission_for
from munseo._data.stream import StreamedPage
from munseo._data.tables import is_table, table_files
from munseo._data.text_column import read_texts
from munseo._errors import UserError
from munseo._evaluation.expectation import expect_macro_f1
from munseo._evaluation.held_out import held_out, judges_its_predictions
from munseo._evaluation.held_out_groups import page_groups
from munseo._prediction.decision import remedy
from munseo._prediction.parts_folder import ERROR, PLACE, Shard
from munseo._prediction.prediction_rows import PredictionRows
from munseo._prediction.predictor import PredictedPages, PredictOptions, Predictor, check_device, prepare_for
from munseo._prediction.table_files import table_file
from munseo._run import RunFolder
from munseo._run.atomic import write_json, write_text
from munseo._run.results import ExpectedScore
from munseo._spreadsheet import CsvRows, formula_warning
from munseo._words.page_words import PageWords

FEWEST_PAGES = 10
"""Number of pages below which no score is estimated, because it would depend on single pages."""
SHOWN = 10
"""Unreadable pages that are named; the others are counted."""

Skipped = Sequence[tuple[Page, ImageProblem]]
"""Pages that cannot be read, with the reason."""


def sample_of(config: Config, inputs: Sequence[Path | str]) -> Path | None:
    """Return the sample submission whose form the predictions of these inputs have; None where there is none.

    It is the one in a folder that is the only input, next to a folder ``test``, or in the run's data without inputs.
    """
    if not inputs:
        own = config.data_dir / "sample_submission.csv"
        return own if own.is_file() else None
    return sample_submission_for([Path(path) for path in inputs])


def predict_submission(
    run: RunFolder,
    inputs: Sequence[Path | str],
    output: Path | None,
    options: PredictOptions,
    *,
    proba: bool = False,
    skip_bad_images: bool = False,
    follow_links: bool | None = None,
) -> Path:
    """Predict the pages of a sample submission and write their submission; arguments as in ``munseo.predict``.

    Returns:
        The CSV file. If a score can be estimated, ``<name>.expected.json`` is next to it; if pages cannot be read,
        ``<name>.errors.csv`` with the reasons.

    Raises:
        UserError: There are no pages, some cannot be read, or their IDs do not match the sample submission.
    """
    check_device(run, options)
    config = run.read_config()
    pages, sample = _pages(config, inputs, follow_links)
    tables = tables_of(inputs, sample)
    checked = check_images(pages, "skip" if skip_bad_images else "fail")
    for note in checked.notes:
        say(note)
    file = output or run.submission_file
    prepare_for(run, options, len(checked.pages), lambda: checked.pages)
    assert sample is not None, "sample_of has found it"
    predictor, words = _with_words(run, options, pages, tables)
    expected = _submit(file, predictor, pages, words, checked.skipped, sample, proba)
    _write_errors(file, checked.skipped)
    if expected is not None:
        write_json(file.with_suffix(".expected.json"), expected)
    return file


def _write_errors(file: Path, skipped: Skipped) -> None:
    """Write why pages cannot be read beside their submission, which has no column for it, if there are any."""
    errors = file.with_suffix(".errors.csv")
    errors.unlink(missing_ok=True)  # that of an earlier prediction
    if skipped:
        text = io.StringIO(newline="")
        lines = CsvRows(text)
        lines.write(("ID", ERROR))
        for page, problem in skipped:
            lines.write((page.id, str(problem)))
        write_text(errors, text.getvalue())
        say(f"skipped: {len(skipped):,} pages cannot be read; {errors} has the reasons")


def predict_test_pages(run: RunFolder, pages: PageSet, skipped: Skipped) -> None:
    """Predict the test pages of a run that has just been trained, and add the expected score to its results.

    With a sample submission this writes a submission, otherwise a table of predictions for people.
    """
    sample = pages.tables.get("sample_submission")
    predictor, words = _with_words(run, PredictOptions(), pages.test, [] if sample is None else [sample])
    expected = _submit(run.submission_file, predictor, pages.test, words, skipped, sample, proba=False)
    if expected is not None:
        entry = ExpectedScore.model_validate(expected)
        run.write_results(run.read_results().model_copy(update={"expected": entry}))


def _with_words(
    run: RunFolder, options: PredictOptions, pages: Sequence[Page], tables: Sequence[Path]
) -> tuple[Predictor, list[PageWords] | None]:
    """Load a run, and read the words of pages where it uses them.

    If not one page has words, the image alone predicts, with its own temperature and expected score.
    """
    predictor = Predictor.load(run, options)
    words = predictor.read_words(pages, texts_of(run, tables))
    if words is None or any(page.words for page in words):
        return predictor, words
    say("text: not one page has words, so the image alone predicts; their text may be a column of the table of pages")
    return Predictor.load(run, replace(options, text=False)), None


def own_test_pages(config: Config) -> PageSet:
    """Find the pages of a run's own data folder.

    Raises:
        UserError: It has no test pages.
    """
    pages = load_pages(config.data_dir, DataLayout.from_config(config))
    if not pages.test:
        raise UserError(f"{config.data_dir}: has no test split; say what to predict: munseo predict RUN INPUT…")
    for note in pages.notes:
        say(note)
    return pages


def _pages(
    config: Config, inputs: Sequence[Path | str], follow_links: bool | None
) -> tuple[tuple[Page, ...], Path | None]:
    """Return the pages to predict, and the sample submission whose IDs and order are to be kept."""
    if inputs:
        follow = config.follow_links if follow_links is None else follow_links
        listed = find_pages([Path(path) for path in inputs], config.id_column, follow)
        for note in listed.notes:
            say(note)
        return listed.pages, listed.sample
    pages = own_test_pages(config)
    return pages.test, pages.tables.get("sample_submission")


def tables_of(inputs: Sequence[Path | str], sample: Path | None) -> list[Path]:
    """Return the tables that list the pages to predict, which may have a column of text."""
    named = [Path(path) for path in inputs if is_table(Path(path)) and table_files(Path(path))]
    return list(dict.fromkeys([*named, *([] if sample is None else [sample])]))


def texts_of(run: RunFolder, tables: Sequence[Path]) -> dict[str, str]:
    """Return the user's own texts of pages to predict by ID, from those tables that have the column of the run."""
    configs = [member.read_config() for member in (run.members or [run])]
    found: dict[str, str] = {}
    for config in configs:
        if config.text in ("auto", "column"):
            found |= read_texts(tables, config.id_column, config.text_column)
    return found


def _predict_readable(
    predictor: Predictor, pages: Sequence[Page], words: Sequence[PageWords] | None, skipped: Skipped
) -> PredictedPages:
    """Predict all pages; rows of pages that cannot be read are NaN."""
    unreadable = {page.path for page, _ in skipped}
    readable = [index for index, page in enumerate(pages) if page.path not in unreadable]
    empty = np.full((len(pages), predictor.card.num_classes), np.nan, dtype=np.float32)
    if not readable:
        return PredictedPages(empty, empty)
    of_readable = None if words is None else [words[index] for index in readable]
    predicted = predictor.predict([pages[index] for index in readable], of_readable)
    if of_readable is not None:
        without = sum(not page.words for page in of_readable)
        say(f"words: on {len(readable) - without} of {len(readable)} pages; the image alone predicts the others")
    if predicted.num_second:
        say(f"second look: {predicted.num_second} of {len(readable)} pages were predicted again")
    first, final = empty.copy(), empty.copy()
    first[readable], final[readable] = predicted.first, predicted.final
    return PredictedPages(first, final, predicted.num_second)


def _submit(
    file: Path,
    predictor: Predictor,
    pages: Sequence[Page],
    words: Sequence[PageWords] | None,
    skipped: Skipped,
    sample: Path | None,
    proba: bool,
) -> dict[str, Any] | None:
    """Predict pages, write the table, and return its expected score."""
    predicted = _predict_readable(predictor, pages, words, skipped)
    readable = ~np.isnan(predicted.final[:, 0])
    probabilities = np.full_like(predicted.final, np.nan)
    probabilities[readable] = predictor.calibrated(predicted.final[readable])
    file.parent.mkdir(parents=True, exist_ok=True)
    if sample is None:
        _write_for_people(file, predictor, pages, skipped, probabilities)
    else:
        _write_submission(file, predictor, pages, sample, probabilities if proba else None, probabilities)
        _tell_skipped(pages, skipped, predictor.card.class_targets[0])
        warning = formula_warning(page.id for page in pages)
        if warning is not None:
            say(f"predictions: {warning}")
    say(f"predictions: {file} ({len(pages)} pages)")
    if predictor.threshold is not None:
        say(predictor.threshold.sentence(predictor.threshold.num_sure(probabilities), len(pages)))
    return expected_score(predictor, predicted)


def _write_for_people(
    file: Path, predictor: Predictor, pages: Sequence[Page], skipped: Skipped, probabilities: np.ndarray
) -> None:
    problems = {page.path: problem for page, problem in skipped}
    rows = PredictionRows(predictor.card, Shard(), proba=False, needs_person_below=None)
    streamed: list[StreamedPage[Any]] = [
        StreamedPage(index, page.id, str(page.path), None, problems.get(page.path), is_last=True)
        for index, page in enumerate(pages)
    ]
    readable = probabilities[~np.isnan(probabilities[:, 0])]
    with table_file(file) as table:
        table.write(rows.table(streamed, readable, readable).drop_columns([PLACE]))


def _write_submission(
    file: Path,
    predictor: Predictor,
    pages: Sequence[Page],
    sample: Path,
    shown: np.ndarray | None,
    probabilities: np.ndarray,
) -> None:
    """Write a submission, with a column for each class of ``shown``; probabilities of unreadable pages are NaN."""
    card, threshold = predictor.card, predictor.threshold
    readable = ~np.isnan(probabilities[:, 0])
    # A submission needs a target in every row: a page that cannot be read gets the first class.
    best = np.where(readable, np.nan_to_num(probabilities).argmax(axis=1), 0)
    write_submission(
        file,
        [page.id for page in pages],
        [card.class_targets[k] for k in best],
        sample=sample,
        probabilities=shown,
        class_names=card.class_names,
        extra=None if threshold is None else threshold.columns(probabilities),
    )


def _tell_skipped(pages: Sequence[Page], skipped: Skipped, target: str) -> None:
    """Print which rows of a submission are not predictions."""
    paths = {page.path for page in pages}
    told = [f"{page.id}: {problem}" for page, problem in skipped if page.path in paths]
    for line in told[:SHOWN]:
        say(f"skipped: {line}; its row says {target}")
    if len(told) > SHOWN:
        say(f"skipped: {len(told) - SHOWN:,} more pages that cannot be read; their rows say {target}")


def expected_score(predictor: Predictor, predicted: PredictedPages) -> dict[str, Any] | None:
    """Estimate the score of pages without labels, and print it.

    Nothing is estimated for a pipeline that did not predict the clean validation pages.

    Returns:
        The ``expected`` entry of ``results.json``; None where nothing can be estimated.
    """
    run, card = predictor.folder, predictor.card
    readable = predicted.final[~np.isnan(predicted.final[:, 0])]
    held = held_out(run, predictor.pipeline)
    if len(readable) < FEWEST_PAGES or not judges_its_predictions(run):
        return None
    if held is None or held.clean is None:
        say(f"expected macro-F1: not known for this pipeline. {remedy(run, predictor.pipeline)}")
        return None
    shifted = held.draws
    seed, groups = run.read_config().random_seed, page_groups(run, held.ids)
    expectation = expect_macro_f1(held.labels, held.clean, shifted, readable, seed, groups)
    expected = expectation.to_dict(card.class_names)
    # Without a recipe the clean pages stand in for damaged ones; their score is not that of a second validation.
    expected["shifted_val"] = expected["shifted_val"] if held.shifted is not None else None
    compared = "" if held.shifted is None else f", shifted {expected['shifted_val']:.4f}"
    ends = expectation.interval
    stated = "no 90 % interval" if ends is None else f"90 % interval {ends[0]:.4f} to {ends[1]:.4f}"
    say(
        f"expected macro-F1 on these {expected['num_pages']} pages: {expected['macro_f1']:.4f} "
        f"({stated}; clean validation {expected['clean_val']:.4f}{compared})"
    )
    for note in expected["notes"]:
        say(f"  {note['text']}")
    return expected
