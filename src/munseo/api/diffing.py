"""``munseo runs diff``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from munseo._errors import UserError
from munseo._run import RunFolder, check_fingerprints, open_run
from munseo._run.atomic import write_json
from munseo._run.input_differences import differing_pages, differing_tables, differing_test, differing_values
from munseo._run.run_inputs import RunInputs, read_classes, read_inputs


def diff(a: Path | str, b: Path | str, json: Path | str | None = None) -> dict[str, Any]:
    """Say what differs between two runs: what went in, and what came of it.

    Args:
        a: A run folder; single, k-fold or ensemble.
        b: The other one.
        json: A file that shall hold all of it, untruncated.

    Returns:
        ``a, b`` (names), ``notes`` (what could not be compared, and why), ``settings``, ``versions``, ``tables``,
        ``classes``, ``pages`` (``labels, images, sides, only_a, only_b``), ``test``, ``scores``, ``causes`` (of the
        change of macro-F1: other pages, labels, predictions), ``predictions``.

    Raises:
        UserError: One of them is no run folder, both are the same, or a file is damaged.
    """
    runs = (open_run(a), open_run(b))
    if runs[0].path == runs[1].path:
        raise UserError(f"{a}, {b}: the same run folder; give two.")
    try:
        found = _compared(runs)
    except UserError:
        raise
    # As in a report: files that were edited by hand hold words for numbers, and lists for tables.
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UserError(
            f"{a}, {b}: the files of one of these runs hold something else than Munseo wrote ({reason}); "
            "restore them from a copy."
        ) from error
    if json is not None:
        write_json(Path(json), found)
    return found


def _compared(runs: tuple[RunFolder, RunFolder]) -> dict[str, Any]:
    one, other = (read_inputs(run) for run in runs)
    predictions = [_predictions(run) for run in runs]
    return {
        "a": one.name,
        "b": other.name,
        "notes": [*_edited(runs), *_notes(one, other, predictions)],
        "settings": differing_values(one.settings, other.settings),
        "versions": differing_values(one.versions, other.versions),
        "tables": differing_tables(one, other),
        "classes": {
            "only_a": [name for name in one.classes if name not in other.classes],
            "only_b": [name for name in other.classes if name not in one.classes],
        },
        "pages": differing_pages(one, other),
        "test": differing_test(one, other),
        "scores": _scores(*runs),
        **_outcome(predictions),
    }


def _edited(runs: tuple[RunFolder, RunFolder]) -> list[str]:
    """Files that were changed since the runs ended: they are compared as they are, but it is said."""
    notes = []
    for letter, run in zip("AB", runs, strict=True):
        try:
            check_fingerprints(run)
        except UserError as error:
            files = "; ".join(problem.removeprefix(f"{run.name}/") for problem in error.problems)
            notes.append(f"{letter} is not what was written when the run ended: {files}")
    return notes


def _notes(one: RunInputs, other: RunInputs, predictions: list[pd.DataFrame | None]) -> list[str]:
    """What cannot be compared, in plain words."""
    notes = []
    for letter, inputs, table in zip("AB", (one, other), predictions, strict=True):
        if inputs.pages is None:
            notes.append(f"{letter} keeps no pages.parquet: labels, images and sides cannot be compared")
        if inputs.tables and all(about["rows"] is None for about in inputs.tables.values()):
            notes.append(f"{letter} was made by an earlier version, which did not count the rows of its tables")
        if table is None:
            notes.append(f"{letter} has no validation predictions: it did not finish")
    if one.kind != other.kind:
        kinds = {"single": "one split", "folds": "folds", "ensemble": "an ensemble"}
        notes.append(f"A is {kinds[one.kind]}, B is {kinds[other.kind]}")
        if "folds" in (one.kind, other.kind):
            notes.append("sides are not compared: in folds every page is validated once")
    return notes


def _scores(one: RunFolder, other: RunFolder) -> list[dict[str, Any]]:
    """Scores that at least one of the runs has: ``score, a, b, change``."""
    values = [_scores_of(run) for run in (one, other)]
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
    """Label, prediction and confidence of each validation page, as class names; the ID is the index."""
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


def _outcome(predictions: list[pd.DataFrame | None]) -> dict[str, Any]:
    """Predictions that changed on the pages that both runs validated, and what moved macro-F1."""
    from munseo._evaluation.comparison import causes_of_change

    one, other = predictions
    if one is None or other is None:
        return {"causes": None, "predictions": None}
    # Each page once: k-fold runs validate it once, and tables made otherwise are not ours.
    both = one.index.intersection(other.index)
    a, b = one.loc[both], other.loc[both]
    changed = [
        {
            "ID": page,
            "label": b["label"][page],
            "a": a["predicted"][page],
            "b": b["predicted"][page],
            "right": "B"
            if b["predicted"][page] == b["label"][page]
            else "A"
            if a["predicted"][page] == b["label"][page]
            else "–",
        }
        for page in both[(a["predicted"] != b["predicted"]).to_numpy()]
    ]
    result = {
        "in_both": len(both),
        "only_a": len(one) - len(both),
        "only_b": len(other) - len(both),
        "changed": changed,
    }
    return {"causes": causes_of_change(one, other), "predictions": result}
