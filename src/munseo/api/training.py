"""``munseo train`` and ``munseo resume``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from munseo import reports, training
from munseo.api.predicting import predict_test
from munseo.config import Config, load_config, parse_config
from munseo.console import quietly, say
from munseo.errors import UserError
from munseo.run import RunFolder, open_run
from munseo.run.manifest import command_words
from munseo.training import Prepared
from munseo.training.augmenting import TrainingPages

NUM_SHOWN = 24


def train(
    config: Path | str | Config,
    overrides: Sequence[str] = (),
    *,
    on_bad_image: str | None = None,
    quiet: bool = False,
) -> Path:
    """Train, judge, predict the test part and write the report.

    Args:
        config: A YAML file, the name of a template that comes with Munseo, or a ``Config``.
        overrides: ``key=value`` words, such as ``lr=0.0003``.
        on_bad_image: ``fail`` or ``skip``, over the configuration's own.
        quiet: Print nothing but errors.

    Returns:
        The run folder.

    Raises:
        UserError: Something in the configuration or the data is wrong: all of it in one message.
    """
    words = [*overrides, *([f"on_bad_image={on_bad_image}"] if on_bad_image else ())]
    with quietly(quiet):
        return _finish(training.prepare(_resolve(config, words), command_words()))


def resume(run: Path | str, data: Path | str | None = None, *, quiet: bool = False) -> Path:
    """Continue an interrupted run from its last finished epoch; the end is what it would have been without.

    Args:
        run: The run folder.
        data: Where the data are now; None: where they were.
        quiet: Print nothing but errors.

    Returns:
        The run folder.

    Raises:
        UserError: It is no run folder, is finished, or its data have changed.
    """
    with quietly(quiet):
        folder = open_run(run)
        if folder.is_fold:
            raise UserError(f"{run}: this is one fold; resume the whole run: munseo resume {folder.path.parent}")
        if folder.read_manifest()["status"] == "finished":
            raise UserError(f"{run}: this run is finished; its report is {folder.path / 'report.html'}")
        return _finish(training.prepare_again(folder, None if data is None else Path(data)))


def _resolve(config: Path | str | Config, overrides: Sequence[str]) -> Config:
    if isinstance(config, Config):
        if overrides:
            raise UserError("overrides: they go with a file; change the Config itself instead.")
        return parse_config(config.model_dump(), "config")
    return load_config(config, overrides)


def _finish(prepared: Prepared) -> Path:
    run = prepared.run
    started = time.monotonic()
    try:
        for folder, parts in zip(prepared.folders, prepared.splits, strict=True):
            if folder.results_file.exists():
                continue
            _one_split(prepared, folder, parts)
    except UserError:
        if training.rank() == 0:
            run.update_manifest(status="failed")
        raise
    if training.rank() > 0:
        return run.path
    if len(prepared.splits) > 1:
        training.join_folds(run, prepared.config, prepared.card, prepared.collection)
        reports.draw_plots(run)
    if prepared.collection.pages.test:
        predict_test(run, prepared.config, prepared.collection)
    run.update_manifest(status="finished", finished=datetime.now().astimezone().isoformat(timespec="seconds"))
    written = reports.write_report(run)
    result = run.read_json(run.results_file)["val"]
    low, high = result["macro_f1_interval"]
    say(
        f"macro-F1 {result['macro_f1']:.4f} (95 % interval {low:.4f} to {high:.4f}), accuracy {result['accuracy']:.4f} "
        f"on {result['num_pages']} validation pages, {time.monotonic() - started:.0f} s"
    )
    say(f"report: {next(path for path in written if path.name == 'report.html')}")
    return run.path


def _one_split(prepared: Prepared, folder: RunFolder, parts: training.Parts) -> None:
    config, card = prepared.config, prepared.card
    if training.rank() == 0:
        _save_samples(folder, parts, config)
    trackers = training.build_trackers(config, folder) if training.rank() == 0 else []
    machine = training.fit(folder, config, card, parts, trackers)
    if training.rank() > 0:
        return
    training.judge(folder, config, card, parts.val, parts.recipe, machine.settings)
    folder.update_manifest(status="finished")
    reports.draw_plots(folder)
    table = folder.read_predictions(folder.val_predictions_file)
    predicted = table.filter(regex=r"^p_\d+$").to_numpy().argmax(axis=1)
    log = folder.read_json(folder.results_file)
    training.log_results(trackers, folder, log, table["target"].tolist(), predicted.tolist(), card.class_names)


def _save_samples(folder: RunFolder, parts: training.Parts, config: Config) -> None:
    """Training pages as the model will see them: people look before they trust."""
    pages = TrainingPages(parts.train, parts.samples, parts.plan, config)
    places = np.linspace(0, len(pages) - 1, min(NUM_SHOWN, len(pages))).astype(int)
    images, captions = [], []
    for place in places:
        image, label, _, policy = pages[(0, int(place))]
        images.append(image)
        used = "clean" if policy < 0 else parts.plan.policy_names[policy]
        copy = ", cutout copy" if parts.samples[place].copy else ""
        captions.append(f"{label}: {used}{copy}")
    reports.save_sheet(folder.samples_picture, images, captions)
