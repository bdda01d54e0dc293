"""An interrupted run goes on, with the data that it started with."""

from __future__ import annotations

from pathlib import Path

from munseo import _report as reports
from munseo._console import console
from munseo._errors import UserError
from munseo._prediction.device import choose_device
from munseo._run import RunFolder
from munseo._shift.recipe_file import read_recipe
from munseo._training.hardware import announce, rank
from munseo._training.signals import resumable
from munseo._training.start_record import epochs_at_start, problems_of_data, problems_of_tables, settings_to_go_on
from munseo._training.training_data import collect, make_splits
from munseo._training.training_run import TrainingRun, finish_run, make_card


def resume_run(folder: RunFolder, data_dir: Path | None = None, num_workers: int | None = None) -> Path:
    """Continue an interrupted run from its saved state; its end is the same as without the interruption.

    Args:
        folder: The run folder, which is returned.
        data_dir: Where the data are now; None: where they were.
        num_workers: Loader workers from now on; None: as configured. They change nothing but time and memory.

    Raises:
        UserError: It is a fold, is finished, or its data have changed; or another process works on it.
        Interrupted: The run was stopped again.
    """
    if folder.is_fold:
        raise UserError(f"{folder.path}: this is one fold; resume the whole run: munseo resume {folder.path.parent}")
    if folder.read_manifest()["status"] == "finished":
        report = folder.path / "report.html"
        if report.exists():
            raise UserError(f"{folder.path}: this run is finished; its report is {report}")
        reports.write_report(folder)  # The run was killed while the report was written.
        return folder.path
    with resumable(folder):
        training = reopen_run(folder, data_dir, num_workers)
        if rank() == 0:
            folder.update_manifest(status="running")
        finish_run(training)
    return folder.path


def reopen_run(folder: RunFolder, data_dir: Path | None = None, num_workers: int | None = None) -> TrainingRun:
    """Read the data of an interrupted run, with the arguments of ``resume_run``; they have to be still the same.

    Keys of ``config.yaml`` that do not change the result may have changed since the start.

    Raises:
        UserError: Settings, tables, pages, labels, images or classes differ from those that the run started with: all
            of them in one message.
    """
    if rank() > 0:
        console.quiet = True
    planned = folder.read_config()
    config, problems = settings_to_go_on(folder, planned, epochs_at_start(folder, planned))
    changed = {"data_dir": data_dir, "num_workers": num_workers}
    config = config.model_copy(update={name: value for name, value in changed.items() if value is not None})
    try:
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
