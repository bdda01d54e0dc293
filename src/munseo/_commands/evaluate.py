"""``munseo evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from munseo._commands import options
from munseo._console import quietly
from munseo._errors import UserError

EXAMPLES = (
    "`munseo evaluate runs/2507…` measures the run's own validation again",
    "`munseo evaluate runs/2507… --tta` measures its validation pages with other views, for `predict --tta`",
    "`munseo evaluate runs/2507… --data test_set --all` judges the run on other labelled pages",
    "`munseo evaluate runs/2507… --table labels.csv` judges it on one table of its data folder",
    "`munseo evaluate runs/2507… --data test_set --all --against runs/2508…`",
)
ON_BAD_IMAGE = ("fail", "skip")
"""Values of ``on_bad_image``."""


def evaluate(
    run: options.RunArgument,
    data: Annotated[
        Path | str | None, typer.Option("--data", help="A data folder; default: the one that the run was trained on.")
    ] = None,
    *,
    all_pages: Annotated[
        bool,
        typer.Option("--all", help="Judge all labelled pages that did not train the run, not its validation pages."),
    ] = False,
    table: Annotated[
        str | None, typer.Option(help="Judge the labelled pages of this table of the data folder only; implies --all.")
    ] = None,
    against: Annotated[
        Path | str | None, typer.Option(metavar="RUN", help="With --all: another run, compared on the same pages.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="With --all: name of the evaluation; default: that of the data folder.")
    ] = None,
    image_dir: Annotated[
        str | None, typer.Option(help="With --all: folder of the images; default: that of the run, else train/.")
    ] = None,
    id_column: Annotated[str | None, typer.Option(help="With --all: column of the file names.")] = None,
    target_column: Annotated[str | None, typer.Option(help="With --all: column of the labels.")] = None,
    on_bad_image: options.OnBadImage = None,
    tta: options.Tta = None,
    second_look: options.SecondLook = None,
    device: options.Device = None,
    backend: options.Backend = "torch",
    quiet: options.Quiet = False,
) -> dict[str, Any]:
    """Evaluate a run on its own validation pages, or on a labelled test set.

    Without `--all`, the run's validation pages are predicted again, each by the models that were not trained on it (a
    k-fold run is evaluated out of fold, an ensemble by weights that were fitted without the page). With `--tta`,
    `--no-tta`, `--second-look` or an export in eight bits as `--backend`, they are predicted as `munseo predict` would
    with the same option, clean and under the recipe, and kept in the run folder: predictions with this option then have
    calibrated confidence, thresholds and an expected score. With `--all`, every
    labelled page of the data folder is predicted as `munseo predict` would, except pages that the run was trained on,
    copies of such pages, and pages of classes that it does not know; these are counted. The evaluation is kept in the
    run folder and shown in its report.

    Returns:
        The `val` entry of `results.json`, measured again, with that of the `fold_mean` where there is one; with `--all`
        the content of `evaluations/NAME/results.json`. With other options than the run's own, `val` with `shifted`,
        `pipeline` and `temperature`.

    Raises:
        UserError: There is no run, its validation pages are gone or were changed, or no page may judge it.
    """
    from munseo._run import open_run

    wants_all = all_pages or table is not None
    _check(wants_all, on_bad_image, {
        "against": against, "name": name, "image_dir": image_dir, "id_column": id_column,
        "target_column": target_column,
    })  # fmt: skip
    folder = open_run(run)
    other = None if against is None else open_run(against)
    if other == folder:
        raise UserError(f"{run}, {against}: the same run folder; give two.")
    if data is not None:
        options.existing_data(data)
    from munseo._assessment import (
        EvaluateOptions,
        evaluate_pages,
        is_other_pipeline,
        measure_pipeline,
        measure_validation,
    )
    from munseo._data import DataLayout
    from munseo._prediction import PredictOptions, Predictor

    where = None if data is None else Path(data)
    layout = DataLayout(image_dir=image_dir, id_column=id_column, target_column=target_column)
    test_set = EvaluateOptions(where, table, layout, name, on_bad_image)
    test_set.check()
    with quietly(quiet):
        chosen = PredictOptions(tta=tta, second_look=second_look, device=device, backend=backend)
        is_asked = not wants_all and (tta, second_look, backend) != (None, None, "torch")
        with quietly(is_asked):  # What has not been measured yet is measured now.
            predictor = Predictor.load(folder, chosen)
        if not wants_all:
            if is_asked and is_other_pipeline(predictor):
                return measure_pipeline(predictor, where)
            return measure_validation(predictor, where)
        opponent = None if other is None else Predictor.load(other, PredictOptions(device=device))
        return evaluate_pages(predictor, test_set, opponent).model_dump(by_alias=True)


def _check(wants_all: bool, on_bad_image: str | None, only_with_all: dict[str, object]) -> None:
    """Refuse values that are not allowed, and options that would change nothing."""
    if on_bad_image not in (None, *ON_BAD_IMAGE):
        raise UserError(f"on_bad_image: {on_bad_image!r} is not allowed; should be fail or skip.")
    given = [key for key, value in {**only_with_all, "on_bad_image": on_bad_image}.items() if value is not None]
    if given and not wants_all:
        raise UserError(
            f"{', '.join(given)}: only used with --all or --table, which judge all labelled pages; the run's own "
            "validation is always measured as it was."
        )


def show(result: dict[str, Any]) -> None:
    """Print the scores, and for a test set the expected score and the comparison with a second run."""
    from munseo._run.scores import Scores

    low, high = result["macro_f1_interval"]
    remark = Scores.model_validate(result).few_groups
    few = "" if remark is None else f"; {remark}"
    typer.echo(f"macro-F1  {result['macro_f1']:.4f}  (95 % interval {low:.4f} to {high:.4f}{few})")
    typer.echo(f"accuracy  {result['accuracy']:.4f}\nloss      {result['loss']:.4f}\npages     {result['num_pages']}")
    if "fold_mean" in result:
        mean = result["fold_mean"]["val"]
        typer.echo(
            f"mean of the folds, on {mean['num_pages']} pages that no fold used: macro-F1 {mean['macro_f1']:.4f}"
        )
    if "pipeline" in result:
        shown = result.get("shifted")
        typer.echo(f"shifted   {shown['macro_f1']:.4f}" if shown else "shifted   not measured")
        typer.echo(f"calibrated by the temperature {result['temperature']:.3f}")
    if "left_out" not in result:
        return
    error = result["reliability"]
    typer.echo(f"ECE       {error['ece_after']:.4f}  (before temperature scaling {error['ece_before']:.4f})")
    expected = result["expected"]
    if expected is not None and expected["interval"] is not None:
        low, high = expected["interval"]
        inside = "inside" if low <= result["macro_f1"] <= high else "OUTSIDE"
        promised = f"{expected['macro_f1']:.4f}  (90 % interval {low:.4f} to {high:.4f})"
        typer.echo(f"expected  {promised}; the score is {inside} it")
    for entry in result["comparisons"]:
        low, high = entry["difference"]["interval"]
        typer.echo(
            f"against   {entry['run']}: {entry['other_macro_f1']:.4f} on {entry['num_pages']} pages, difference "
            f"{entry['difference']['difference']:+.4f} (95 % interval {low:+.4f} to {high:+.4f}): "
            f"{entry['difference']['conclusion']}"
        )
