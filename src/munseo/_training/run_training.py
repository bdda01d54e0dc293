"""A whole run: from a configuration to weights, scores, predictions and the report."""

from __future__ import annotations

import shlex
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path

import numpy as np

from munseo import _report as reports
from munseo import _training as training
from munseo._config import Config
from munseo._console import say
from munseo._errors import Interrupted, NoRoomError, UserError
from munseo._prediction.submission import predict_test_pages
from munseo._run import RunFolder, claim, fingerprints
from munseo._run.manifest import command_words
from munseo._training import Prepared
from munseo._training.training_pages import TrainingPages

NUM_SHOWN = 24


def train_run(config: Config) -> Path:
    """Train, judge, predict the test part and write the report.

    Returns:
        The run folder.

    Raises:
        UserError: Something in the configuration or the data is wrong: all of it in one message.
        Interrupted: The run was stopped by Ctrl-C or SIGTERM; ``resume_run`` continues it.
    """
    prepared = training.prepare(config, command_words())
    with _working_on(prepared.run):
        return _finish(prepared)


def resume_run(folder: RunFolder, data: Path | None, num_workers: int | None) -> Path:
    """Continue an interrupted run from its saved state; the result is the same as without the interruption.

    Args:
        folder: The whole run, not one of its folds.
        data: Where the data are now; None: where they were.
        num_workers: Loader workers from now on; None: as configured. They change nothing but time and memory.

    Returns:
        The run folder.

    Raises:
        UserError: The run is finished, its data have changed, or another process works on it.
        Interrupted: The run was stopped again.
    """
    if folder.read_manifest()["status"] == "finished":
        return _report_alone(folder)
    with _working_on(folder):
        prepared = training.prepare_again(folder, data, num_workers)
        if training.rank() == 0:
            folder.update_manifest(status="running")
        return _finish(prepared)


@contextmanager
def _working_on(run: RunFolder) -> Iterator[None]:
    """Hold the run, and say of whatever ends the work before it is done how to go on."""
    command = f"munseo resume {shlex.quote(str(run.path))}"
    first = training.rank() == 0
    try:
        with claim(run) if first else nullcontext(), training.ending_on_sigterm():
            try:
                yield
            except NoRoomError as error:
                raise UserError(_no_room(error, run, command)) from error
            except (RuntimeError, OSError, EOFError) as error:
                pids = training.killed_workers(error)
                if not pids:
                    raise
                raise training.describe_killed(pids, "after training; the state is saved", run, 1) from None
            except UserError:
                if first:
                    with suppress(OSError, UserError):
                        run.update_manifest(status="failed")
                raise
    except KeyboardInterrupt as stop:
        signum = stop.signum if isinstance(stop, Interrupted) else signal.SIGINT
        place = f" {stop}" if str(stop) else ""
        raise Interrupted(signum, f"stopped{place}. Go on with: {command}" if first else "") from None


def _no_room(error: NoRoomError, run: RunFolder, command: str) -> str:
    needed = "" if error.needed is None else f"{error.needed / 1e6:.1f} MB are needed, "
    free = shutil.disk_usage(run.path).free
    return (
        f"{error.filename}: could not be written ({error.strerror}): {needed}{free / 1e6:.1f} MB are free. What was "
        f"saved before is still whole. Make room there, or move the run folder to another disk; then: {command}"
    )


def _report_alone(run: RunFolder) -> Path:
    """All that may be missing of a run that is finished: it was killed while the report was written."""
    report = run.path / "report.html"
    if report.exists():
        raise UserError(f"{run.path}: this run is finished; its report is {report}")
    reports.write_report(run)
    return run.path


def _finish(prepared: Prepared) -> Path:
    run = prepared.run
    started = time.monotonic()
    for folder, parts in zip(prepared.folders, prepared.splits, strict=True):
        if not folder.results_file.exists():
            _one_split(prepared, folder, parts)
    if training.rank() > 0:
        return run.path
    if len(prepared.splits) > 1:
        training.join_folds(run, prepared.config, prepared.card, prepared.collection)
        reports.draw_plots(run)
    if prepared.collection.pages.test:
        predict_test_pages(run, prepared.collection.pages, prepared.collection.skipped)
    for part in run.folds:
        part.update_manifest(status="finished", fingerprints=fingerprints(part))
    finished = datetime.now().astimezone().isoformat(timespec="seconds")
    run.update_manifest(status="finished", finished=finished, fingerprints=fingerprints(run))
    written = reports.write_report(run)
    result = run.read_results("val").val
    assert result is not None, "a run that has just finished was judged"
    low, high = result.macro_f1_interval or (0.0, 1.0)
    say(
        f"macro-F1 {result.macro_f1:.4f} (95 % interval {low:.4f} to {high:.4f}), accuracy {result.accuracy:.4f} "
        f"on {result.num_pages} validation pages, {time.monotonic() - started:.0f} s"
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
    if folder.is_fold:  # of a whole run, predictions and report are still to come
        folder.update_manifest(status="finished")
    reports.draw_plots(folder)
    table = folder.read_predictions(folder.val_predictions_file)
    predicted = table.filter(regex=r"^p_\d+$").to_numpy().argmax(axis=1)
    training.log_results(
        trackers, folder, folder.read_results("val"), table["target"].tolist(), predicted.tolist(), card.class_names
    )


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
