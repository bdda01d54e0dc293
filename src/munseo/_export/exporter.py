"""Exports models so that only what answers like torch is left in the run folder."""

from __future__ import annotations

import importlib.util
import os
import shutil
import statistics
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from munseo._console import say
from munseo._engines import SIDECAR, describe, open_engine, weights_sha256
from munseo._engines import onnx_engine as onnx
from munseo._engines import openvino_engine as openvino
from munseo._engines.sidecar import FORMAT, INPUT, OUTPUT, file_sha256
from munseo._errors import UserError
from munseo._export.parity import Parity, compare, objections
from munseo._export.quantizer import LADDER, Way, calibration_batches, quantise
from munseo._model import Classifier, load_classifier
from munseo._prediction import Settings, predict_pages
from munseo._prediction.inference import read_card
from munseo._run import RunFolder
from munseo._run.atomic import write_json
from munseo._shift.recipe_file import read_recipe
from munseo._training import Split, collect, make_splits

FORMATS = ("onnx", "openvino")
BATCH = 16
NUM_TIMINGS = 3


@dataclass(frozen=True)
class Job:
    """One model to export: of a run, a fold, or an ensemble's member.

    Attributes:
        run: The folder with its weights.
        parts: Its training and validation pages.
        class_names: What the pages' labels number.
    """

    run: RunFolder
    parts: Split
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class Export:
    """A graph and how it did.

    Attributes:
        folder: Where it lies.
        parity: Beside torch on validation pages.
        pages_per_second: On this machine, decoding aside.
        way: How it was made INT8; None in full precision.
    """

    folder: Path
    parity: Parity
    pages_per_second: float
    way: Way | None = None


def list_jobs(run: RunFolder, data: Path | str | None) -> list[Job]:
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
    folders = run.folds or [run]
    jobs = [Job(folder, parts, collection.pages.class_names) for folder, parts in zip(folders, splits, strict=True)]
    _check_pages(jobs)
    return jobs


def _check_pages(jobs: list[Job]) -> None:
    """Check that the pages are those that validated the models: train pages would make an export look too good."""
    problems = []
    for job in jobs:
        known = set(job.run.read_predictions(job.run.val_predictions_file)["ID"])
        now = {page.id for page in job.parts.val}
        if not now:
            problems.append(f"{job.run.name}: no validation pages")
        elif known != now:
            problems.append(f"{job.run.name}: {len(known - now)} validation pages are gone, {len(now - known)} are new")
        names = set(read_card(job.run).class_names)
        problems += [f"{job.run.name}: {name}: a class of the data only" for name in set(job.class_names) - names]
    if problems:
        raise UserError("These data are not those of the run; say where they are with --data.", problems)


def export_run(jobs: Sequence[Job], form: str, int8: bool, max_loss: float) -> list[Path]:
    """Export every job, or none of them.

    Args:
        jobs: The models.
        form: One of ``FORMATS``.
        int8: In eight bits.
        max_loss: Macro-F1 that eight bits may cost each model on its validation pages.

    Returns:
        The folder of each export.

    Raises:
        UserError: A package is missing, there are no validation pages, or a graph answers otherwise than torch.
    """
    need_packages(form, int8)
    name = f"{form}-int8" if int8 else form
    besides = [job.run.export_dir(f".{name}.{os.getpid()}") for job in jobs]
    try:
        for job, beside in zip(jobs, besides, strict=True):
            beside.mkdir(parents=True)
            _export(job, form, int8, max_loss, beside)
        for job, beside in zip(jobs, besides, strict=True):
            _replace(job.run.export_dir(name), beside)
    finally:
        for beside in besides:
            shutil.rmtree(beside, ignore_errors=True)
            if beside.parent.is_dir() and not any(beside.parent.iterdir()):
                beside.parent.rmdir()
    return [job.run.export_dir(name) for job in jobs]


def need_packages(form: str, int8: bool) -> None:
    """Raise ``UserError`` for packages that this export needs and are not installed."""
    needed = [
        "onnx",
        *(["onnxruntime"] if form == "onnx" or int8 else []),
        *(["openvino"] if form == "openvino" else []),
    ]
    missing = [package for package in needed if importlib.util.find_spec(package) is None]
    if missing:
        raise UserError(f"export: {', '.join(missing)} not installed; pip install 'munseo[export]'.")


def _export(job: Job, form: str, int8: bool, max_loss: float, beside: Path) -> None:
    """Write one model into ``beside``, with the sidecar, if it may stay."""
    card = read_card(job.run)
    classifier = load_classifier(card, job.run.weights_file)
    labels = np.array([card.class_names.index(job.class_names[page.label or 0]) for page in job.parts.val])
    settings = Settings(torch.device("cpu"), BATCH)
    before = predict_pages(classifier, job.parts.val, settings, description="predicting with torch")
    batches = calibration_batches(classifier, job.parts.train, job.parts.recipe, job.run.read_config().random_seed)

    def judged(folder: Path, way: Way | None) -> Export:
        engine = open_engine(folder, form)
        after = predict_pages(Classifier(engine, card), job.parts.val, settings, description=f"predicting with {form}")
        return Export(folder, compare(labels, before, after), _pages_per_second(engine, batches), way)

    graph = beside / "full.onnx"
    write_onnx(classifier.network, card.image_size, graph)
    tried: list[Export] = []
    for way in LADDER if int8 else (None,):
        folder = beside / f"way{len(tried)}"
        folder.mkdir()
        source = graph
        if way is not None:
            source = folder / "quantised.onnx"
            quantise(graph, source, batches, way, form)
        write_graph(source, form, folder)
        tried.append(judged(folder, way))
    best = _best(job.run, tried, form, int8, max_loss)
    _keep(best, beside)
    sidecar = {**describe(card), **_provenance(job.run, form, int8, best, tried, beside)}
    write_json(beside / SIDECAR, {"format": FORMAT, **sidecar})


def _best(run: RunFolder, tried: Sequence[Export], form: str, int8: bool, max_loss: float) -> Export:
    """The fastest of those that may stay."""
    passed, problems = [], []
    for export in tried:
        found = objections(export.parity, int8, max_loss)
        problems += [f"{export.way.name}: {problem}" if export.way else problem for problem in found]
        passed += [] if found else [export]
    if not passed:
        advice = "Allow more with --max-loss, or export in full precision." if int8 else "Nothing was written."
        raise UserError(f"{run.path}: {form} answers otherwise than torch, so it is not kept. {advice}", problems)
    best = max(passed, key=lambda export: export.pages_per_second)
    way = f" ({best.way.name})" if best.way else ""
    say(f"{run.name}: {form}{' INT8' if int8 else ''}{way}: {best.parity}; {best.pages_per_second:.1f} pages a second")
    return best


def _keep(best: Export, beside: Path) -> None:
    """Leave nothing but the chosen graph."""
    for file in best.folder.iterdir():
        if not file.name.startswith("quantised"):
            file.replace(beside / file.name)
    for path in beside.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    (beside / "full.onnx").unlink(missing_ok=True)


def _provenance(
    run: RunFolder, form: str, int8: bool, best: Export, tried: Sequence[Export], beside: Path
) -> dict[str, Any]:
    """What the sidecar holds beyond the description: where the graph came from, how it was made, how it did."""
    ways = [
        {"way": export.way.name, "macro_f1": export.parity.macro_f1_after, "pages_per_second": export.pages_per_second}
        for export in tried
        if export.way is not None
    ]
    return {
        "backend": form,
        "precision": "int8" if int8 else "fp32",
        "weights_sha256": weights_sha256(run),
        "files": {file.name: file_sha256(file) for file in sorted(beside.iterdir())},
        "parity": best.parity.to_dict(),
        "pages_per_second": best.pages_per_second,
        "int8": {"kept": best.way.name, "tried": ways} if best.way else None,
        "versions": {package: metadata.version(package) for package in ("munseo", "torch", "onnx")},
    }


def _pages_per_second(engine: nn.Module, batches: Sequence[np.ndarray]) -> float:
    images = torch.from_numpy(np.concatenate(batches[: BATCH // len(batches[0]) + 1]))[:BATCH]
    engine(images)
    times = []
    for _ in range(NUM_TIMINGS):
        start = time.perf_counter()
        engine(images)
        times.append(time.perf_counter() - start)
    return len(images) / statistics.median(times)


def _replace(folder: Path, beside: Path) -> None:
    """Put a finished folder where an older one may lie."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.is_dir():
        folder.rename(old)
    beside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


OPSET = 17
"""ONNX operators of 2022: what every runtime of the last years reads, with layer normalisation as one operator."""


def write_onnx(network: nn.Module, image_size: int, file: Path) -> None:
    """Write a network as ONNX: ``images`` float32 (batch, 3, S, S) to ``logits`` (batch, num_classes), batch dynamic.

    The exporter that traces is used: the newer one, through ``torch.export``, took minutes where this takes seconds,
    and the graphs of classifiers have no control flow that tracing could lose.

    Raises:
        UserError: The network has an operation that ONNX does not have.
    """
    network = network.cpu().eval().to(memory_format=torch.contiguous_format)
    images = torch.zeros(2, 3, image_size, image_size)  # two: a batch of one could be traced as a constant
    dynamic = {INPUT: {0: "batch"}, OUTPUT: {0: "batch"}}
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network,
                (images,),
                file,
                dynamo=False,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_axes=dynamic,
                opset_version=OPSET,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{type(network).__name__}: cannot be written as ONNX ({reason}); use --backend torch."
        ) from None


def write_openvino(graph: Path, folder: Path) -> None:
    """Write an ONNX file as ``model.xml`` and ``model.bin``, its weights as they are (not rounded to 16 bits)."""
    import openvino as ov

    model = openvino.core().read_model(graph)
    ov.save_model(model, folder / openvino.FILE, compress_to_fp16=False)


def write_graph(graph: Path, form: str, folder: Path) -> None:
    """Put an ONNX file into an export's folder in the form that was asked for."""
    if form == "openvino":
        write_openvino(graph, folder)
    else:
        graph.replace(folder / onnx.FILE)
