"""``munseo export``."""

from __future__ import annotations

from pathlib import Path

from munseo import _training as training
from munseo._console import quietly, say
from munseo._errors import UserError
from munseo._export import FORMATS, MAX_LOSS, Job, export_run, need_packages
from munseo._prediction.combination import is_ensemble, member_folders
from munseo._prediction.inference import read_card
from munseo._run import RunFolder, check_fingerprints, open_run
from munseo._shift.recipe_file import read_recipe


def export(
    run: Path | str,
    form: str,
    *,
    int8: bool = False,
    max_loss: float = MAX_LOSS,
    data: Path | str | None = None,
    quiet: bool = False,
) -> list[Path]:
    """Write a run's models for ONNX Runtime or OpenVINO, and keep them only if they answer as torch does.

    Args:
        run: The run folder. Of a k-fold run every fold is exported, of an ensemble every member: all or none.
        form: ``onnx`` or ``openvino``.
        int8: In eight bits, with ranges from pages of the train part.
        max_loss: Macro-F1 on validation pages that eight bits may cost.
        data: Where the data are now; None: where they were.
        quiet: Print nothing but errors.

    Returns:
        ``<run>/export/<form>[-int8]`` of each model.

    Raises:
        UserError: No data to check the export with, a package that is missing, or an export that differs too much.
    """
    if form not in FORMATS:
        raise UserError(f"format: {form!r} is not allowed; should be {' or '.join(FORMATS)}.")
    need_packages(form, int8)
    with quietly(quiet):
        folder = open_run(run)
        check_fingerprints(folder)
        runs = member_folders(folder) if is_ensemble(folder) else [folder]
        jobs = [job for member in runs for job in list_jobs(member, data)]
        folders = export_run(jobs, form, int8, max_loss)
        for path in folders:
            say(f"export: {path}")
    return folders


def list_jobs(run: RunFolder, data: Path | str | None) -> list[Job]:
    """A run's models with the pages that each was trained and validated on."""
    config = run.read_config()
    if data is not None:
        config = config.model_copy(update={"data_dir": Path(data)})
    if not Path(config.data_dir).is_dir():
        raise UserError(
            f"{config.data_dir}: the data of {run.name} are not there. An export is checked on its validation pages: "
            "say where they are with --data."
        )
    collection = training.collect(config)
    splits = training.divide(config, collection, read_recipe(run))
    folders = run.folds or [run]
    jobs = [Job(folder, parts, collection.pages.class_names) for folder, parts in zip(folders, splits, strict=True)]
    _check_pages(jobs)
    return jobs


def _check_pages(jobs: list[Job]) -> None:
    """The pages at hand must be those that judged the models: pages of the train part would flatter an export."""
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
