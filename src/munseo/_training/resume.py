"""An interrupted run goes on with the settings and the data that it started with, or with more epochs."""

from __future__ import annotations

from pathlib import Path

from munseo import _report as reports
from munseo._console import console
from munseo._errors import UserError
from munseo._prediction.device import choose_device
from munseo._run import RunFolder
from munseo._shift.recipe_file import read_recipe
from munseo._training.continuation import (
    is_wanted,
    problems_of_continuation,
    record_continuation,
    spread_continuations,
)
from munseo._training.hardware import announce, join_launcher, rank, wait_for_all
from munseo._training.signals import resumable
from munseo._training.start_checks import check_start
from munseo._training.start_record import planned_epochs, problems_of_data, problems_of_tables, settings_to_go_on
from munseo._training.training_data import collect, make_splits
from munseo._training.training_run import TrainingRun, finish_run, make_card


def resume_run(
    folder: RunFolder, data_dir: Path | None = None, num_workers: int | None = None, epochs: int | None = None
) -> Path:
    """Continue an interrupted run from its saved state; its end is the same as without the interruption.

    Args:
        folder: The run folder, which is returned.
        data_dir: Where the data are now; None: where they were.
        num_workers: Loader workers from now on; None: as configured. They change nothing but time and memory.
        epochs: The number of epochs to train in all, also where the run has ended; None: as it plans.

    Raises:
        UserError: It is a fold or an ensemble, is finished, or its settings or data have changed; or another process
            works on it.
        Interrupted: The run was stopped again.
    """
    if folder.is_fold:
        raise UserError(f"{folder.path}: this is one fold; resume the whole run: munseo resume {folder.path.parent}")
    manifest = folder.read_manifest()
    if epochs is not None and "ensemble" in manifest:
        raise UserError(f"{folder.path}: an ensemble is not trained itself; give more epochs to its runs.")
    if epochs is None and manifest["status"] == "finished":
        if not reports.missing_files(folder):
            raise UserError(
                f"{folder.path}: this run is finished; its report is {folder.path / 'report.html'}. To train longer: "
                f"munseo resume {folder.path} epochs=N"
            )
        with resumable(folder):  # The run was killed while the report was written.
            reports.write_report(folder)
        return folder.path
    join_launcher(folder.read_config())
    with resumable(folder):
        training = reopen_run(folder, data_dir, num_workers, epochs)
        if rank() == 0:
            if epochs is not None and is_wanted(folder, epochs):
                record_continuation(folder, epochs)
            spread_continuations(folder)
            folder.update_manifest(status="running")
        wait_for_all()
        finish_run(training)
    return folder.path


def reopen_run(
    folder: RunFolder, data_dir: Path | None = None, num_workers: int | None = None, epochs: int | None = None
) -> TrainingRun:
    """Read the data of a run, with the arguments of ``resume_run``; they have to be still the same.

    Keys of ``config.yaml`` that do not change the result may have changed since the start. Nothing is written.

    Raises:
        UserError: Settings, tables, pages, labels, images or classes differ from those that the run started with: all
            of them in one message. Or ``epochs`` asks for what the run cannot do.
    """
    if rank() > 0:
        console.quiet = True
    refused = problems_of_continuation(folder, epochs) if epochs is not None else []
    if refused:
        raise UserError(f"{folder.path}: cannot be trained longer like this.", refused)
    config, problems = settings_to_go_on(folder, epochs or planned_epochs(folder))
    changed = {"data_dir": data_dir, "num_workers": num_workers}
    config = config.model_copy(update={name: value for name, value in changed.items() if value is not None})
    try:
        check_start(config)
        collection = collect(config)
        splits = make_splits(config, collection, read_recipe(folder))
        training = TrainingRun(folder, config, make_card(config, collection.pages), collection, splits)
    except UserError as error:
        raise _refusal(folder, [*problems, error.message, *error.problems]) if problems else error from None
    problems += problems_of_tables(folder, config, collection, splits[0])
    for split_folder, split in zip(training.folders, splits, strict=True):
        problems += problems_of_data(folder, split_folder, training.card, collection, split)
    if problems:
        raise _refusal(folder, problems)
    announce(folder.path, choose_device(config.device).type)
    return training


def _refusal(folder: RunFolder, problems: list[str]) -> UserError:
    return UserError(
        f"{folder.path}: settings or data are not those that this run started with, so that the rest of it would be "
        "another experiment. Put back what is listed here, or start a new run.",
        problems,
    )
