"""The exporter: writes models for other engines, and keeps only what predicts like torch."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from munseo._console import say
from munseo._data.class_match import ClassMatch, match_classes
from munseo._engines import ENGINES
from munseo._engines.backends import open_engine
from munseo._engines.engine import INT8
from munseo._engines.export_folder import drafts, place, write_sidecar
from munseo._engines.graph import write_onnx
from munseo._errors import UserError
from munseo._evaluation.held_out import cross_fitted_look, default_pipeline, write_held_out
from munseo._export.quantizer import SCHEMES, QuantisationScheme, calibration_batches, quantise
from munseo._model import Classifier, load_classifier
from munseo._packages import missing_packages
from munseo._prediction import InferenceSetup, predict_pages
from munseo._prediction.inference import predict_dataset, read_card
from munseo._prediction.loader import PageDataset
from munseo._prediction.measurement import measure
from munseo._prediction.parity import Parity, compare, objections
from munseo._run import RunFolder
from munseo._shift.recipe_file import read_recipe
from munseo._training import Split, collect, make_splits

BATCH_SIZE = 16
NUM_TIMINGS = 3


@dataclass(frozen=True)
class ExportJob:
    """One model to export: that of a run, a fold, or a member of an ensemble."""

    run: RunFolder  # the folder with its weights
    split: Split  # its training and validation pages
    match: ClassMatch  # the classes that the pages' labels count, among those of the model

    @property
    def labels(self) -> list[int]:
        """The class index of each validation page, as the model counts."""
        labels = [self.match.run_label(page.label) for page in self.split.val]
        return [label for label in labels if label is not None]


@dataclass(frozen=True)
class ExportResult:
    """An exported graph and its quality."""

    folder: Path
    parity: Parity  # the comparison with torch on validation pages
    pages_per_second: float  # speed on this machine, without decoding
    scheme: QuantisationScheme | None = None  # how it was made INT8; None in full precision


def list_jobs(run: RunFolder, data: Path | str | None) -> list[ExportJob]:
    """Return the models of a run, one for each fold, with the pages that each was trained and validated on.

    Args:
        run: A run that was trained, not an ensemble.
        data: Where the data are now; None: where they were.

    Raises:
        UserError: The data are not there, or are not those of the run.
    """
    config = run.read_config()
    if data is not None:
        config = config.model_copy(update={"data_dir": Path(data)})
    if not Path(config.data_dir).is_dir():
        raise UserError(
            f"{config.data_dir}: the data of {run.name} are not there. An export is checked on its validation pages: "
            "say where they are with --data."
        )
    collection = collect(config)
    splits = make_splits(config, collection, read_recipe(run))
    card, pages = read_card(run), collection.pages
    match = match_classes(card.class_names, card.class_targets, pages.class_names, pages.class_targets)
    jobs = [ExportJob(folder, split, match) for folder, split in zip(run.folds or [run], splits, strict=True)]
    _check_pages(jobs)
    return jobs


def _check_pages(jobs: list[ExportJob]) -> None:
    """Check that the pages are those that validated the models: train pages would make an export look too good."""
    problems = []
    for job in jobs:
        known = set(job.run.read_predictions(job.run.val_predictions_file)["ID"])
        now = {page.id for page in job.split.val}
        if not now:
            problems.append(f"{job.run.name}: no validation pages")
        elif known != now:
            problems.append(f"{job.run.name}: {len(known - now)} validation pages are gone, {len(now - known)} are new")
        problems += [f"{job.run.name}: {name}: a class of the data only" for name in job.match.unknown]
    if problems:
        raise UserError("These data are not those of the run; say where they are with --data.", problems)


def export_run(jobs: Sequence[ExportJob], engine: str, int8: bool, max_loss: float) -> list[Path]:
    """Export every job, or none of them.

    Args:
        jobs: The models.
        engine: One of ``ENGINES``.
        int8: Whether to export in eight bits.
        max_loss: Largest loss of macro-F1 that eight bits may cause on each model's validation pages.

    Returns:
        The folder of each export.

    Raises:
        UserError: A package is missing, there are no validation pages, or a graph predicts differently from torch.
    """
    need_packages(engine, int8)
    name = f"{engine}{INT8}" if int8 else engine
    models = [job.run for job in jobs]
    with drafts(models, name) as folders:
        for job, draft in zip(jobs, folders, strict=True):
            _export(job, engine, int8, max_loss, draft)
        return place(models, name, folders)


def need_packages(engine: str, int8: bool) -> None:
    """Raise ``UserError`` if packages that an export needs are not installed."""
    # ONNX Runtime has the quantiser, whichever engine runs the graph later.
    to_write = ("onnx", "onnxruntime") if int8 else ENGINES[engine].packages_to_write
    needed = dict.fromkeys([*to_write, ENGINES[engine].package])
    if missing := missing_packages(needed):
        raise UserError(f"export: {', '.join(missing)} not installed; pip install 'munseo[export]'.")


def _export(job: ExportJob, engine: str, int8: bool, max_loss: float, draft: Path) -> None:
    """Write one model and its sidecar into ``draft``, if it is good enough."""
    card = read_card(job.run)
    classifier = load_classifier(card, job.run.weights_file)
    labels = np.array(job.labels)
    settings = InferenceSetup(torch.device("cpu"), BATCH_SIZE)
    before = predict_pages(classifier, job.split.val, settings, description="predicting with torch")
    batches = calibration_batches(classifier, job.split.train, job.split.recipe, job.run.read_config().random_seed)
    graph = draft / "full.onnx"
    if int8:
        write_onnx(classifier.network, card.image_size, graph)
    results: list[ExportResult] = []
    for scheme in SCHEMES if int8 else (None,):
        folder = draft / f"way{len(results)}"
        folder.mkdir()
        if scheme is None:
            ENGINES[engine].write(classifier.network, card.image_size, folder)
        else:
            source = folder / "quantised.onnx"
            quantise(graph, source, batches, scheme, ENGINES[engine])
            ENGINES[engine].convert(source, folder)
        network = open_engine(folder, engine)
        description = f"predicting with {engine}"
        after = predict_pages(Classifier(network, card), job.split.val, settings, description=description)
        parity = compare(labels, before, after)
        results.append(ExportResult(folder, parity, _pages_per_second(network, batches), scheme))
    best = _best(job.run, results, engine, int8, max_loss)
    _keep(best, draft)
    name = f"{engine}{INT8}" if int8 else engine
    write_sidecar(draft, job.run, card, name, _checks(best, results))
    if int8 and not job.run.is_fold:
        _measure(job, Classifier(open_engine(draft, engine), card), name, draft, settings)


def _measure(job: ExportJob, classifier: Classifier, name: str, draft: Path, settings: InferenceSetup) -> None:
    """Predict the validation pages as the export will predict new ones, clean and under the run's recipe.

    Confidence in eight bits is not that of torch: temperature, thresholds and expected score come from these.
    """
    run, pages, card = job.run, job.split.val, classifier.card
    # The graph is the image network's; words are fused with what it says only by `munseo predict`.
    default = default_pipeline(run, run.read_results("second_look").second_look)
    pipeline = replace(default, precision=name, text=False)
    look = cross_fitted_look(run, [page.id for page in pages]) if pipeline.second_look else None

    def predict(dataset: PageDataset, views: Sequence[str]) -> np.ndarray:
        return predict_dataset(classifier, dataset, settings, views, f"measuring the confidence of {name}")

    num_draws = run.read_config().shifted_draws
    held = measure(pages, np.array(job.labels), card, job.split.recipe, num_draws, pipeline, look, predict)
    write_held_out(RunFolder(draft).measured_dir / pipeline.digest, pipeline, held)


def _pages_per_second(network: nn.Module, batches: Sequence[np.ndarray]) -> float:
    images = torch.from_numpy(np.concatenate(batches[: BATCH_SIZE // len(batches[0]) + 1]))[:BATCH_SIZE]
    network(images)
    times = []
    for _ in range(NUM_TIMINGS):
        start = time.perf_counter()
        network(images)
        times.append(time.perf_counter() - start)
    return len(images) / statistics.median(times)


def _best(run: RunFolder, results: Sequence[ExportResult], engine: str, int8: bool, max_loss: float) -> ExportResult:
    """Return the fastest export that is good enough."""
    passed, problems = [], []
    for result in results:
        reasons = objections(result.parity, int8, max_loss)
        problems += [f"{result.scheme.name}: {reason}" if result.scheme else reason for reason in reasons]
        passed += [] if reasons else [result]
    if not passed:
        advice = "Allow more with --max-loss, or export in full precision." if int8 else "Nothing was written."
        raise UserError(f"{run.path}: {engine} answers otherwise than torch, so it is not kept. {advice}", problems)
    best = max(passed, key=lambda result: result.pages_per_second)
    scheme = f" ({best.scheme.name})" if best.scheme else ""
    precision = " INT8" if int8 else ""
    say(f"{run.name}: {engine}{precision}{scheme}: {best.parity}; {best.pages_per_second:.1f} pages a second")
    return best


def _keep(best: ExportResult, draft: Path) -> None:
    """Leave nothing but the chosen graph."""
    for file in best.folder.iterdir():
        if not file.name.startswith("quantised"):
            file.replace(draft / file.name)
    for path in draft.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    (draft / "full.onnx").unlink(missing_ok=True)


def _checks(best: ExportResult, results: Sequence[ExportResult]) -> dict[str, Any]:
    """Return what the sidecar holds about the quality of a graph, and of those that were tried."""
    tried = [
        {
            "way": result.scheme.name,
            "macro_f1": result.parity.macro_f1_after,
            "pages_per_second": result.pages_per_second,
        }
        for result in results
        if result.scheme is not None
    ]
    return {
        "parity": asdict(best.parity),
        "pages_per_second": best.pages_per_second,
        "int8": {"kept": best.scheme.name, "tried": tried} if best.scheme else None,
    }
