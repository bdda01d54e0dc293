"""``munseo predict`` and ``munseo evaluate``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from munseo import training
from munseo.config import Config
from munseo.console import quietly, say
from munseo.data import Page, check_images, find_pages, load_pages, write_submission
from munseo.errors import UserError
from munseo.evaluation import Settings, choose_device, load_members, predict_run, summarise
from munseo.model import Classifier
from munseo.run import RunFolder, open_run
from munseo.training.machine import choose_precision, choose_workers

Skipped = Sequence[tuple[Page, str]]
"""Pages that cannot be read, with the reason."""
ON_BAD_IMAGE = ("fail", "skip")


def predict(
    run: Path | str,
    inputs: Sequence[Path | str] = (),
    output: Path | str | None = None,
    *,
    proba: bool = False,
    tta: bool | None = None,
    device: str = "auto",
    on_bad_image: str = "fail",
    quiet: bool = False,
) -> Path:
    """Predict pages and write a table ``ID,target``.

    Args:
        run: The run folder; the models of a k-fold run are averaged.
        inputs: Folders, images, PDFs or tables with an ID column. None: the run's own test part. Where a
            ``sample_submission.csv`` belongs to a folder, its IDs and their order are kept.
        output: The CSV to write; by default ``<run name>.csv`` in the run folder.
        proba: Add a column of probability a class.
        tta: Average the configured views of a page; None: as configured.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        on_bad_image: ``fail`` names every file that cannot be read; ``skip`` goes on, and says which.
        quiet: Print nothing but errors.

    Returns:
        The CSV.

    Raises:
        UserError: No run, no pages, pages that cannot be read, IDs that do not match the sample submission.
    """
    if on_bad_image not in ON_BAD_IMAGE:
        raise UserError(f"on_bad_image: {on_bad_image!r} is not allowed; should be fail or skip.")
    with quietly(quiet):
        folder = open_run(run)
        config = folder.read_config()
        pages, sample = _pages(config, inputs)
        checked = check_images(pages, "skip" if on_bad_image == "skip" else "fail")
        for note in checked.notes:
            say(note)
        members = load_members(folder)
        views = _views(config, members[0], tta)
        probabilities = _predict_readable(members, pages, checked.skipped, _settings(config, device), views)
        file = Path(output) if output else folder.submission_file
        _write(file, members[0], pages, probabilities, checked.skipped, sample, proba)
    return file


def evaluate(
    run: Path | str,
    data: Path | str | None = None,
    *,
    tta: bool | None = None,
    device: str = "auto",
    quiet: bool = False,
) -> dict[str, Any]:
    """Judge a run's weights again on its validation pages.

    Args:
        run: The run folder; a k-fold run is judged out of fold, each page by the model that did not see it.
        data: Where the data are now; None: where they were.
        tta: Average the configured views of a page; None: as configured.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        quiet: Print nothing but errors.

    Returns:
        The ``val`` entry of ``results.json``, measured anew.
    """
    with quietly(quiet):
        folder = open_run(run)
        config = folder.read_config()
        if data is not None:
            config = config.model_copy(update={"data_dir": Path(data)})
        collection = training.collect(config)
        labels, rows = [], []
        for split, member in zip(training.divide(config, collection), folder.folds or [folder], strict=True):
            models = load_members(member)
            views = _views(config, models[0], tta)
            rows.append(predict_run(models, split.val, _settings(config, device), views))
            labels += [page.label for page in split.val]
        return summarise(np.array(labels), np.concatenate(rows), models[0].card.class_names, config.random_seed)


def predict_test(run: RunFolder, config: Config, collection: training.Collection) -> None:
    """Write the submission of a run that has just been trained."""
    members = load_members(run)
    views = _views(config, members[0], None)
    pages, skipped = collection.pages.test, collection.skipped
    probabilities = _predict_readable(members, pages, skipped, _settings(config, config.device), views)
    sample = collection.pages.tables.get("sample_submission")
    _write(run.submission_file, members[0], pages, probabilities, skipped, sample, proba=False)


def _pages(config: Config, inputs: Sequence[Path | str]) -> tuple[tuple[Page, ...], Path | None]:
    """Pages to predict, and the sample submission whose form is to be kept."""
    if inputs:
        found = find_pages([Path(path) for path in inputs], config.id_column)
        for note in found.notes:
            say(note)
        return found.pages, found.sample
    pages = load_pages(
        config.data_dir,
        train_table=config.train_table,
        val_table=config.val_table,
        image_dir=config.image_dir,
        test_dir=config.test_dir,
        id_column=config.id_column,
        target_column=config.target_column,
    )
    if not pages.test:
        raise UserError(f"{config.data_dir}: has no test part; say what to predict: munseo predict RUN INPUT…")
    return pages.test, pages.tables.get("sample_submission")


def _predict_readable(
    members: Sequence[Classifier], pages: Sequence[Page], skipped: Skipped, settings: Settings, views: Sequence[str]
) -> np.ndarray:
    """Probabilities of all pages; rows of pages that cannot be read are NaN."""
    unreadable = {page.path for page, _ in skipped}
    places = [place for place, page in enumerate(pages) if page.path not in unreadable]
    rows = np.full((len(pages), members[0].card.num_classes), np.nan, dtype=np.float32)
    if places:
        rows[places] = predict_run(members, [pages[place] for place in places], settings, views)
    return rows


def _write(
    file: Path,
    model: Classifier,
    pages: Sequence[Page],
    probabilities: np.ndarray,
    skipped: Skipped,
    sample: Path | None,
    proba: bool,
) -> None:
    """A submission needs a target in every row: a page that cannot be read gets the first class, and is named."""
    card = model.card
    readable = ~np.isnan(probabilities[:, 0])
    best = np.where(readable, np.nan_to_num(probabilities).argmax(axis=1), 0)
    targets = [card.class_targets[k] if ok or sample else "" for k, ok in zip(best, readable, strict=True)]
    for page, reason in skipped:
        if any(page.path == other.path for other in pages):
            filled = f"; its row says {card.class_targets[0]}" if sample else "; its target is empty"
            say(f"skipped: {page.id}: {reason}{filled}")
    file.parent.mkdir(parents=True, exist_ok=True)
    write_submission(
        file,
        [page.id for page in pages],
        targets,
        probabilities=probabilities if proba else None,
        class_names=card.class_names,
        sample=sample,
    )
    say(f"predictions: {file} ({len(pages)} pages)")


def _views(config: Config, model: Classifier, tta: bool | None) -> Sequence[str]:
    if tta is None:
        return model.card.tta_views
    return tuple(config.tta_views) if tta else ("identity",)


def _settings(config: Config, device: str) -> Settings:
    if device not in ("auto", "cpu", "cuda", "mps"):
        raise UserError(f"device: {device!r} is not allowed; should be auto, cpu, cuda or mps.")
    chosen = choose_device(device)
    batch = config.val_batch_size if isinstance(config.val_batch_size, int) else 50
    workers = choose_workers(config.num_workers, chosen)
    return Settings(chosen, batch, workers, choose_precision(config.mixed_precision, chosen))
