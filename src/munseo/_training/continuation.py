"""More epochs than a run planned: ``munseo resume RUN epochs=40``, also after its end.

The manifest's entry ``continuations`` decides: it is written first, in one step with the removal of the entries
``course`` and ``fingerprints``, without which nothing that was measured counts. Everything after it is repeated by
``munseo resume RUN`` if the process is killed. The saved state notes how many continuations it has taken in; an earlier
state is changed when it is loaded.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import EarlyStopping

from munseo import _report as reports
from munseo._config import dump_config
from munseo._run import RunFolder
from munseo._run.atomic import write_text
from munseo._run.fingerprints import check_fingerprints
from munseo._run.records import Continuation
from munseo._training.module import PageClassifier
from munseo._training.optimizer import replan
from munseo._training.start_record import planned_epochs
from munseo._training.stop_rules import EpochRule, StopRule, let_stopped_rules_go_on


def problems_of_continuation(folder: RunFolder, epochs: int) -> list[str]:
    """Return what stands against training a run until it has ``epochs`` epochs; the data are not looked at.

    Raises:
        UserError: The run has ended, and files of it have changed since.
    """
    planned, finished = planned_epochs(folder), folder.read_manifest()["status"] == "finished"
    splits = folder.folds or [folder]
    problems = []
    if epochs < planned:
        problems.append(f"epochs: {epochs} is less than the {planned} that the run plans; give more")
    if not finished:
        return problems
    # Where the settings at the start are known, the file is compared with them key by key: some of them may change.
    check_fingerprints(folder, without=("config.yaml",) if folder.read_start().settings else ())
    if epochs == planned and all((split.read_course().epochs_done or 0) >= epochs for split in splits):
        problems.append(f"epochs: the run has trained its {planned} epochs; give more")
    for split in splits:
        needed = (split.state_file, split.weights_file)
        problems += [f"{file}: missing; without it no epoch can follow" for file in needed if not file.is_file()]
    return problems


def is_wanted(folder: RunFolder, epochs: int) -> bool:
    """Return whether ``epochs`` asks for something new; the wish may have been recorded before a kill."""
    return epochs > planned_epochs(folder) or folder.read_manifest()["status"] == "finished"


def record_continuation(folder: RunFolder, epochs: int) -> None:
    """Write into the manifest of a run that it goes on until it has ``epochs`` epochs; its results count no more."""
    course, results, scores = folder.read_course(), folder.read_results("val"), folder.read_scores()
    entry = Continuation(
        epochs=epochs,
        planned=planned_epochs(folder),
        epochs_done=_epochs_done(folder),
        best_epoch=None if folder.folds else course.best_epoch,
        macro_f1=results.val.macro_f1 if results.val else None,
        public=scores.public,
        private=scores.private,
        asked=datetime.now().astimezone().isoformat(timespec="seconds"),
    )
    _write_continuations(folder, [*folder.read_continuations(), entry])


def _epochs_done(folder: RunFolder) -> int:
    tables = [split.read_metrics() for split in folder.folds or [folder] if split.metrics_file.is_file()]
    return max((len(table) for table in tables), default=0)


def _write_continuations(folder: RunFolder, entries: list[Continuation]) -> None:
    folder.update_manifest(
        status="running",
        continuations=[entry.model_dump() for entry in entries],
        course=None,
        fingerprints=None,
        finished=None,
    )


def spread_continuations(folder: RunFolder) -> None:
    """Let the configuration files and the folds of a run have the epochs that its manifest plans."""
    entries = folder.read_continuations()
    if not entries:
        return
    for split in (folder, *folder.folds):
        if len(split.read_continuations()) < len(entries):
            _write_continuations(split, list(entries))
        config = split.read_config()
        if config.epochs != entries[-1].epochs:
            write_text(split.config_file, dump_config(config.model_copy(update={"epochs": entries[-1].epochs})))


def is_judged(folder: RunFolder) -> bool:
    """Return whether the best weights of a run or fold were judged after its last epoch."""
    return folder.results_file.is_file() and folder.read_manifest().get("course") is not None


def remove_old_results(folder: RunFolder) -> None:
    """Remove what was made from the weights of an earlier end: predictions, results, pictures, scores, reports."""
    reports.remove_files(folder)
    for name in (
        *("val_predictions", "shifted_predictions", "view_predictions", "damage_predictions", "scores"),
        *("image_predictions", "text_predictions", "words"),
    ):
        getattr(folder, f"{name}_file").unlink(missing_ok=True)
    for file in (folder.submission_file, folder.submission_file.with_suffix(".expected.json"), folder.results_file):
        file.unlink(missing_ok=True)
    for directory in (folder.gallery_dir, folder.robustness_dir, folder.measured_dir, folder.text_dir):
        shutil.rmtree(directory, ignore_errors=True)
    if folder.evaluations_dir.is_dir():  # Labelled test sets may no longer be here, so these figures are put aside.
        done = folder.read_continuations()[-1].epochs_done
        folder.evaluations_dir.replace(folder.path / f"evaluations-after-{done}-epochs")


# The saved state


def continuations_in(state: dict[str, Any]) -> int:
    """Return how many continuations a saved state has taken in."""
    return int(state["within_epoch"].get("continuations", 0))


def take_in(state: dict[str, Any], callbacks: Sequence[pl.Callback], module: PageClassifier) -> None:
    """Change a saved state that is being loaded such that training goes on with more epochs.

    Nothing else changes: weights, averages, the best epoch so far, and the order and augmentation of later epochs are
    those of the run as it was.
    """
    rules: list[StopRule] = [rule for rule in callbacks if isinstance(rule, (EarlyStopping, EpochRule))]
    let_stopped_rules_go_on(rules, state["callbacks"])
    for callback_state in state["callbacks"].values():
        if "stopped" in callback_state:
            callback_state["stopped"] = False
    if state["lr_schedulers"]:
        optimizer, schedule = module.build_optimizer()
        replan(state["lr_schedulers"][0], state["optimizer_states"][0]["param_groups"], optimizer, schedule)
