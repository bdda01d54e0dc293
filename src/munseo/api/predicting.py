"""``munseo predict``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from munseo import _training as training
from munseo._config import Config
from munseo._console import quietly, say
from munseo._data import DataLayout, ImageProblem, Page, check_images, find_pages, load_pages, write_submission
from munseo._errors import UserError
from munseo._prediction import Settings, choose_device
from munseo._prediction.predictor import Answer, Predictor, load_predictor
from munseo._run import RunFolder, open_run
from munseo._run.atomic import write_json
from munseo._run.results import ExpectedScore
from munseo._spreadsheet import warning_of
from munseo._training.hardware import choose_precision, choose_workers
from munseo.api.expecting import Decision, decide, expect, say_expectation

Skipped = Sequence[tuple[Page, ImageProblem]]
"""Pages that cannot be read, with the reason."""
ON_BAD_IMAGE = ("fail", "skip")


def predict(
    run: Path | str,
    inputs: Sequence[Path | str] = (),
    output: Path | str | None = None,
    *,
    proba: bool = False,
    tta: bool | None = None,
    second_look: bool | None = None,
    abstain_below: float | None = None,
    target_precision: float | None = None,
    device: str = "auto",
    backend: str = "torch",
    on_bad_image: str = "fail",
    shard: str | None = None,
    quiet: bool = False,
) -> Path:
    """Predict pages and write a table ``ID,target``.

    With an output that ends in ``.parquet`` any number of files is predicted as a stream (``docs/bulk.md``): in parts,
    resumed where it was interrupted, a row a page, and unreadable files have a row with the reason.

    Args:
        run: The run folder; the models of a k-fold run are averaged, the members of an ensemble combined.
        inputs: Folders, images, PDFs or tables with an ID column. None: the run's own test part. Where a
            ``sample_submission.csv`` belongs to a folder, its IDs and their order are kept. For parquet also patterns
            such as ``inbox/*.jpg``, ZIP and TAR archives, and ``-`` for a list of paths from standard input.
        output: The CSV or parquet file to write; by default ``<run name>.csv`` in the run folder.
        proba: Add a column of calibrated probability a class.
        tta: Average the configured views of a page; None: as configured.
        second_look: Predict uncertain pages again as validation chose; None: as configured.
        abstain_below: Calibrated confidence under which a page needs a person. Adds the columns ``confidence`` and
            ``needs_person``; the target stays.
        target_precision: The same, with the threshold that validation promises this share of right answers for.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        backend: What runs the model: ``torch``, an export of the run (``onnx``, ``onnx-int8``, ``openvino``,
            ``openvino-int8``), or ``auto`` for the fastest that is there.
        on_bad_image: For a CSV: ``fail`` names every file that cannot be read; ``skip`` goes on, and says which.
        shard: For parquet: ``3/16`` predicts every file whose place modulo 16 is 3. By default all files, or under a
            launcher such as torchrun this process's share.
        quiet: Print nothing but errors.

    Returns:
        The file; where other shards are not done yet, the folder of this shard's parts.

    Raises:
        UserError: No run, no pages, pages that cannot be read, IDs that do not match the sample submission; no
            threshold that could be promised.
    """
    if on_bad_image not in ON_BAD_IMAGE:
        raise UserError(f"on_bad_image: {on_bad_image!r} is not allowed; should be fail or skip.")
    if output is not None and Path(output).suffix.lower() == ".parquet":
        # It needs this module.
        from munseo.api.bulk import predict_bulk

        with quietly(quiet):
            return predict_bulk(
                run,
                inputs,
                Path(output),
                shard=shard,
                proba=proba,
                tta=tta,
                second_look=second_look,
                abstain_below=abstain_below,
                target_precision=target_precision,
                device=device,
                backend=backend,
            )
    if shard is not None:
        raise UserError("shard: works with an output that ends in .parquet; a CSV is written by one process.")
    with quietly(quiet):
        folder = open_run(run)
        config = folder.read_config()
        pages, sample = _pages(config, inputs)
        checked = check_images(pages, "skip" if on_bad_image == "skip" else "fail")
        for note in checked.notes:
            say(note)
        predictor = load_predictor(folder, backend)
        decision = decide(folder, predictor, abstain_below, target_precision)
        answer = _predict_readable(predictor, pages, checked.skipped, device, tta, second_look)
        file = Path(output) if output else folder.submission_file
        _write(file, predictor, pages, answer, checked.skipped, sample, proba, decision)
        expectation = expect(folder, predictor, answer)
        if expectation is not None:
            say_expectation(expectation)
            write_json(file.with_suffix(".expected.json"), expectation)
    return file


def predict_test(run: RunFolder, config: Config, collection: training.Collection) -> None:
    """Write the submission of a run that has just been trained, and what score to expect of it."""
    predictor = load_predictor(run)
    pages, skipped = collection.pages.test, collection.skipped
    answer = _predict_readable(predictor, pages, skipped, config.device, None, None)
    sample = collection.pages.tables.get("sample_submission")
    _write(run.submission_file, predictor, pages, answer, skipped, sample, proba=False, decision=None)
    expectation = expect(run, predictor, answer)
    if expectation is not None:
        say_expectation(expectation)
        expected = ExpectedScore.model_validate(expectation)
        run.write_results(run.read_results().model_copy(update={"expected": expected}))


def _pages(config: Config, inputs: Sequence[Path | str]) -> tuple[tuple[Page, ...], Path | None]:
    """Pages to predict, and the sample submission whose form is to be kept."""
    if inputs:
        found = find_pages([Path(path) for path in inputs], config.id_column)
        for note in found.notes:
            say(note)
        return found.pages, found.sample
    pages = load_pages(config.data_dir, DataLayout.from_config(config))
    if not pages.test:
        raise UserError(f"{config.data_dir}: has no test part; say what to predict: munseo predict RUN INPUT…")
    return pages.test, pages.tables.get("sample_submission")


def _predict_readable(
    predictor: Predictor,
    pages: Sequence[Page],
    skipped: Skipped,
    device: str,
    tta: bool | None,
    second_look: bool | None,
) -> Answer:
    """Probabilities of all pages; rows of pages that cannot be read are NaN."""
    unreadable = {page.path for page, _ in skipped}
    places = [place for place, page in enumerate(pages) if page.path not in unreadable]
    empty = np.full((len(pages), predictor.card.num_classes), np.nan, dtype=np.float32)
    if not places:
        return Answer(empty, empty)
    settings = [settings_of(run.config, device) for run in predictor.runs]
    answer = predictor.predict([pages[place] for place in places], settings, tta, second_look)
    if answer.num_second:
        say(f"second look: {answer.num_second} of {len(places)} pages were predicted again")
    first, final = empty.copy(), empty.copy()
    first[places], final[places] = answer.first, answer.final
    return Answer(first, final, answer.num_second)


def _write(
    file: Path,
    predictor: Predictor,
    pages: Sequence[Page],
    answer: Answer,
    skipped: Skipped,
    sample: Path | None,
    proba: bool,
    decision: Decision | None,
) -> None:
    """A submission needs a target in every row: a page that cannot be read gets the first class, and is named."""
    card = predictor.card
    readable = ~np.isnan(answer.final[:, 0])
    best = np.where(readable, np.nan_to_num(answer.final).argmax(axis=1), 0)
    targets = [card.class_targets[k] if ok or sample else "" for k, ok in zip(best, readable, strict=True)]
    for page, reason in skipped:
        if any(page.path == other.path for other in pages):
            filled = f"; its row says {card.class_targets[0]}" if sample else "; its target is empty"
            say(f"skipped: {page.id}: {reason}{filled}")
    probabilities = np.full_like(answer.final, np.nan)
    probabilities[readable] = predictor.calibrated(answer.final[readable])
    file.parent.mkdir(parents=True, exist_ok=True)
    write_submission(
        file,
        [page.id for page in pages],
        targets,
        probabilities=probabilities if proba else None,
        class_names=card.class_names,
        sample=sample,
        extra=None if decision is None else decision.columns(probabilities),
    )
    say(f"predictions: {file} ({len(pages)} pages)")
    acting = warning_of(page.id for page in pages)
    if acting is not None:
        say(f"predictions: {acting}")
    if decision is not None:
        say(decision.sentence(probabilities))


def settings_of(config: Config, device: str) -> Settings:
    """How a run's models predict on this machine; ``device`` as in ``predict``."""
    if device not in ("auto", "cpu", "cuda", "mps"):
        raise UserError(f"device: {device!r} is not allowed; should be auto, cpu, cuda or mps.")
    chosen = choose_device(device)
    batch = config.val_batch_size if isinstance(config.val_batch_size, int) else 50
    workers = choose_workers(config.num_workers, chosen)
    return Settings(chosen, batch, workers, choose_precision(config.mixed_precision, chosen))
