"""Differences between two runs: their inputs, their predictions, and the causes of the change of the score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from munseo._errors import UserError
from munseo._evaluation.comparison import paired_bootstrap
from munseo._evaluation.held_out_groups import common_groups
from munseo._evaluation.metrics import macro_f1
from munseo._run import RunFolder, check_fingerprints
from munseo._run.run_inputs import (
    RunInputs,
    differing_pages,
    differing_tables,
    differing_test,
    differing_values,
    read_classes,
    read_inputs,
)


def compare_runs(run_a: RunFolder, run_b: RunFolder) -> dict[str, Any]:
    """Return what differs between two runs.

    Returns:
        ``a, b`` (names), ``notes`` (what could not be compared, and why), ``settings``, ``versions``, ``tables``,
        ``classes``, ``pages`` (``labels, images, sides, only_a, only_b``), ``test``, ``scores``, ``causes`` (of the
        change of macro-F1: other pages, labels, predictions), ``predictions``.

    Raises:
        UserError: Both are the same folder, or a file is damaged.
    """
    if run_a.path == run_b.path:
        raise UserError(f"{run_a.path}, {run_b.path}: the same run folder; give two.")
    try:
        return _compared((run_a, run_b))
    except UserError:
        raise
    # Files that were edited by hand may hold words where numbers belong, or lists where tables belong.
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UserError(
            f"{run_a.path}, {run_b.path}: the files of one of these runs are not what Munseo wrote "
            f"({reason}); restore them from a copy."
        ) from error


def _compared(runs: tuple[RunFolder, RunFolder]) -> dict[str, Any]:
    inputs_a, inputs_b = (read_inputs(run) for run in runs)
    predictions = [_predictions(run) for run in runs]
    return {
        "a": inputs_a.name,
        "b": inputs_b.name,
        "notes": [*_edited(runs), *_notes(inputs_a, inputs_b, predictions)],
        "settings": differing_values(inputs_a.settings, inputs_b.settings),
        "versions": differing_values(inputs_a.versions, inputs_b.versions),
        "tables": differing_tables(inputs_a, inputs_b),
        "classes": {
            "only_a": [name for name in inputs_a.classes if name not in inputs_b.classes],
            "only_b": [name for name in inputs_b.classes if name not in inputs_a.classes],
        },
        "pages": differing_pages(inputs_a, inputs_b),
        "test": differing_test(inputs_a, inputs_b),
        "scores": _scores(*runs),
        **_outcome(runs, predictions),
    }


def _edited(runs: tuple[RunFolder, RunFolder]) -> list[str]:
    """Return a note for each run whose files were changed after it ended; they are compared as they are."""
    notes = []
    for letter, run in zip("AB", runs, strict=True):
        try:
            check_fingerprints(run)
        except UserError as error:
            files = "; ".join(problem.removeprefix(f"{run.name}/") for problem in error.problems)
            notes.append(f"{letter} is not what was written when the run ended: {files}")
    return notes


def _notes(inputs_a: RunInputs, inputs_b: RunInputs, predictions: list[pd.DataFrame | None]) -> list[str]:
    """Return a note for everything that cannot be compared."""
    notes = []
    for letter, inputs, table in zip("AB", (inputs_a, inputs_b), predictions, strict=True):
        if inputs.pages is None:
            notes.append(f"{letter} keeps no pages.parquet: labels, images and sides cannot be compared")
        if inputs.tables and all(about["rows"] is None for about in inputs.tables.values()):
            notes.append(f"{letter} was made by an earlier version, which did not count the rows of its tables")
        if table is None:
            notes.append(f"{letter} has no validation predictions: it did not finish")
    if inputs_a.kind != inputs_b.kind:
        kinds = {"single": "one split", "folds": "folds", "ensemble": "an ensemble"}
        notes.append(f"A is {kinds[inputs_a.kind]}, B is {kinds[inputs_b.kind]}")
        if "folds" in (inputs_a.kind, inputs_b.kind):
            notes.append("sides are not compared: in folds every page is validated once")
    return notes


def _scores(run_a: RunFolder, run_b: RunFolder) -> list[dict[str, Any]]:
    """Return ``score, a, b, change`` for every score that at least one of the runs has."""
    values = [_scores_of(run) for run in (run_a, run_b)]
    rows = []
    for name in dict.fromkeys((*values[0], *values[1])):
        a, b = values[0].get(name), values[1].get(name)
        change = None if a is None or b is None else b - a
        rows.append({"score": name, "a": a, "b": b, "change": change})
    return rows


def _scores_of(run: RunFolder) -> dict[str, float]:
    scores: dict[str, float] = {}
    results = run.read_results("val", "shifted", "train", "expected")
    for part in ("val", "shifted", "train", "expected"):
        for name in ("macro_f1", "accuracy", "loss"):
            value = getattr(getattr(results, part), name, None)
            if isinstance(value, float):
                scores[f"{part} {name}"] = value
    server = run.read_scores()
    given = {"public": server.public, "private": server.private}
    return scores | {name: score for name, score in given.items() if score is not None}


def _predictions(run: RunFolder) -> pd.DataFrame | None:
    """Return label, prediction (class names) and confidence of each validation page; the ID is the index."""
    if not run.val_predictions_file.is_file():
        return None
    classes = np.array(read_classes(run), dtype=object)
    table = run.read_predictions(run.val_predictions_file)
    probabilities = table.filter(regex=r"^p_\d+$").to_numpy()
    if probabilities.shape[1] != len(classes) or not {"ID", "target"} <= set(table.columns):
        raise UserError(
            f"{run.val_predictions_file}: not the predictions of this run's {len(classes)} classes; restore it."
        )
    return pd.DataFrame(
        {
            "label": classes[table["target"].astype(int).to_numpy()],
            "predicted": classes[probabilities.argmax(axis=1)],
            "confidence": probabilities.max(axis=1),
        },
        index=pd.Index(table["ID"].astype(str), name="ID"),
    )


def _outcome(runs: Sequence[RunFolder], predictions: list[pd.DataFrame | None]) -> dict[str, Any]:
    """Return what moved macro-F1, and the predictions that changed on the pages that both runs validated."""
    pages_a, pages_b = predictions
    if pages_a is None or pages_b is None:
        return {"causes": None, "predictions": None}
    # An ID occurs once in a table: even a k-fold run validates each page once.
    both = pages_a.index.intersection(pages_b.index)
    a, b = pages_a.loc[both], pages_b.loc[both]
    changed = [
        {"ID": page, "label": label, "a": old, "b": new, "right": "B" if new == label else "A" if old == label else "–"}
        for page, label, old, new in zip(both, b["label"], a["predicted"], b["predicted"], strict=True)
        if old != new
    ]
    only_a, only_b = len(pages_a) - len(both), len(pages_b) - len(both)
    result = {"in_both": len(both), "only_a": only_a, "only_b": only_b, "changed": changed}
    return {"causes": _causes_of_change(runs, pages_a, pages_b), "predictions": result}


def _causes_of_change(runs: Sequence[RunFolder], run_a: pd.DataFrame, run_b: pd.DataFrame) -> dict[str, Any] | None:
    """Divide the change of macro-F1 from run A to run B into three contributions that sum up to it.

    On the pages that both runs validated, A's predictions are scored with A's labels, then with B's labels, and then
    B's predictions with B's labels. This gives the contributions of labels and predictions; what is left of the change
    comes from pages that only one of the two validated.

    Both tables have ``label, predicted`` (class names) of each page that the run validated, with the ID as index.

    Returns:
        ``macro_f1_a, macro_f1_b, by_pages, by_labels, by_predictions``, ``interval`` (95%, of the contribution of
        predictions), and for the pages that both validated ``num_pages, shared_a, shared_b``; None without such pages.
    """
    both = run_a.index.intersection(run_b.index)
    if both.empty:
        return None
    columns = ["label", "predicted"]
    names = pd.Index(pd.unique(pd.concat([table[column] for table in (run_a, run_b) for column in columns])))
    codes = [table[columns].apply(names.get_indexer) for table in (run_a, run_b)]
    (labels_a, predicted_a), (labels_b, predicted_b) = (code.loc[both].to_numpy().T for code in codes)
    whole_a, whole_b = (macro_f1(c["label"].to_numpy(), c["predicted"].to_numpy(), len(names)) for c in codes)
    shared_a = macro_f1(labels_a, predicted_a, len(names))
    relabelled = macro_f1(labels_b, predicted_a, len(names))
    shared_b = macro_f1(labels_b, predicted_b, len(names))
    groups = common_groups(runs, both.tolist())
    sure = paired_bootstrap(labels_b, predicted_b, predicted_a, len(names), groups=groups)
    return {
        "macro_f1_a": whole_a,
        "macro_f1_b": whole_b,
        "by_pages": (whole_b - whole_a) - (shared_b - shared_a),
        "by_labels": relabelled - shared_a,
        "by_predictions": shared_b - relabelled,
        "interval": [sure.low, sure.high],
        "num_pages": len(both),
        "shared_a": shared_a,
        "shared_b": shared_b,
    }
