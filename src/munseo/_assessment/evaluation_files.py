"""The files of an evaluation: ``evaluations/NAME`` in the run folder. No evaluation replaces another one."""

from __future__ import annotations

import shutil
from collections.abc import Iterable

import numpy as np
import pandas as pd

from munseo._assessment.test_pages import TestPages
from munseo._errors import UserError
from munseo._evaluation.metrics import probability_columns
from munseo._run import RunFolder, claim
from munseo._run.atomic import write_json
from munseo._run.evaluations import RunComparison, TestScores


def write_evaluation(
    run: RunFolder, record: TestScores, test: TestPages, probabilities: np.ndarray, chosen_name: bool
) -> TestScores:
    """Write an evaluation under its name, or the next free one; the same evaluation made again replaces itself.

    A new evaluation appears as a whole, and files of an old one are replaced one by one: a kill at any moment leaves
    the old results or the new ones, and predictions of the same pages by the same settings.

    Args:
        run: The run folder.
        record: The evaluation.
        test: Its pages.
        probabilities: Their probabilities before temperature scaling, float32 (N, K).
        chosen_name: Whether the user chose the name, so that no other one may be taken.

    Returns:
        The evaluation as it was written, with comparisons that were made before.

    Raises:
        UserError: The chosen name belongs to another evaluation.
    """
    with claim(run):
        number, name = 1, record.name
        while run.evaluation_dir(name).exists():
            before = run.read_evaluation(name)
            if before is not None and _is_same(before, record):
                record = record.model_copy(update={"comparisons": _joined(before.comparisons, record.comparisons)})
                break
            if chosen_name:
                raise UserError(
                    f"{run.evaluation_dir(name)}: is the evaluation of other pages, or by other settings; choose "
                    "another name with --name."
                )
            number += 1
            name = f"{record.name}-{number}"
        record = record.model_copy(update={"name": name})
        folder = run.evaluation_dir(name)
        draft = folder if folder.exists() else run.evaluation_dir(f".{name}.tmp")
        if draft != folder:
            shutil.rmtree(draft, ignore_errors=True)  # of a process that was killed
            draft.mkdir(parents=True)
        run.write_table(draft / "predictions.parquet", _table(test, probabilities))
        write_json(draft / "results.json", record.model_dump(by_alias=True))
        if draft != folder:
            draft.rename(folder)
    return record


def _is_same(first: TestScores, second: TestScores) -> bool:
    return (first.pages_sha256, first.settings) == (second.pages_sha256, second.settings)


def _joined(before: Iterable[RunComparison], now: Iterable[RunComparison]) -> tuple[RunComparison, ...]:
    return tuple({entry.run: entry for entry in (*before, *now)}.values())


def _table(test: TestPages, probabilities: np.ndarray) -> pd.DataFrame:
    table = pd.DataFrame(probabilities, columns=probability_columns(probabilities.shape[1]))
    table.insert(0, "group", test.groups)
    table.insert(0, "sha256", list(test.digests))
    table.insert(0, "target", pd.Series([page.label for page in test.pages], dtype="Int64"))
    table.insert(0, "ID", [page.id for page in test.pages])
    return table
