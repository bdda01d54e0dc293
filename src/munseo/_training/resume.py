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
from munseo._training.training_data import collect, describe_data, make_splits
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

    Raises:
        UserError: Tables or images differ from those that the run started with.
    """
    if rank() > 0:
        console.quiet = True
    config = folder.read_config()
    changed = {"data_dir": data_dir, "num_workers": num_workers}
    config = config.model_copy(update={name: value for name, value in changed.items() if value is not None})
    collection = collect(config)
    splits = make_splits(config, collection, read_recipe(folder))
    before, now = folder.read_manifest()["data"], describe_data(config, collection, splits[0])
    tables = before["tables"]
    problems = [f"{name}: changed" for name in tables if now["tables"].get(name, tables[name]) != tables[name]]
    problems += [f"{name}: gone" for name in tables if name not in now["tables"]]
    if not problems and before["images_sha256"] != now["images_sha256"]:
        problems = ["images: some are not those of the start"]
    if problems:
        raise UserError(f"{folder.path}: the data have changed since the run started; start a new run.", problems)
    announce(folder.path, choose_device(config.device).type)
    return TrainingRun(folder, config, make_card(config, collection.pages), collection, splits)
