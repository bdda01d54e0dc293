"""``munseo export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from munseo._commands.options import MovedData, Quiet, RunArgument
from munseo._console import quietly, say
from munseo._engines import ENGINES
from munseo._errors import UserError

EXAMPLES = (
    "`munseo export runs/2507… --format openvino`",
    "`munseo export runs/2507… --format onnx --int8 --max-loss 0.002`",
)


def export(
    run: RunArgument,
    form: Annotated[
        str,
        typer.Option("--format", metavar="|".join(ENGINES), help="Format of the exported model.", show_default=False),
    ],
    *,
    int8: Annotated[
        bool, typer.Option("--int8", help="Use eight-bit numbers, calibrated on pages of the train split.")
    ] = False,
    max_loss: Annotated[
        float, typer.Option(help="Macro-F1 that eight bits may cost on validation pages; more is refused.")
    ] = 0.005,
    data: MovedData = None,
    quiet: Quiet = False,
) -> list[Path]:
    """Write a run's models for ONNX Runtime or OpenVINO, and keep them only if they predict as torch does.

    Every fold of a k-fold run is exported, and every member of an ensemble: all or none.

    Returns:
        `<run>/export/<format>[-int8]` of each model.

    Raises:
        UserError: There are no data to check the export with, a package is missing, or an export differs too much.
    """
    from munseo._run import check_fingerprints, open_run

    if form not in ENGINES:
        raise UserError(f"format: {form!r} is not allowed; should be {' or '.join(ENGINES)}.")
    folder = open_run(run)
    from munseo._export import export_run, list_jobs, need_packages
    from munseo._prediction.combination import is_ensemble, member_folders

    need_packages(form, int8)
    with quietly(quiet):
        check_fingerprints(folder)
        members = member_folders(folder) if is_ensemble(folder) else [folder]
        jobs = [job for member in members for job in list_jobs(member, data)]
        exports = export_run(jobs, form, int8, max_loss)
        for path in exports:
            say(f"export: {path}")
    return exports
