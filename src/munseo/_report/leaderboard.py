"""All runs of a folder side by side."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from munseo._errors import UserError
from munseo._report.facts import gather
from munseo._run import RunFolder

COLUMNS = (
    "name",
    "started",
    "model",
    "image_size",
    "epochs",
    "val_macro_f1",
    "val_macro_f1_low",
    "val_macro_f1_high",
    "val_shifted_macro_f1",
    "val_shifted_macro_f1_low",
    "val_shifted_macro_f1_high",
    "expected_macro_f1",
    "val_accuracy",
    "val_loss",
    "public",
    "private",
    "generalisation",
    "minutes",
    "status",
)


def leaderboard(runs_dir: Path) -> pd.DataFrame:
    """One row a run, the best validation macro-F1 first.

    A run that cannot be read is listed with the reason as its status. Folders beside the runs that are none (of
    trackers, say) are left out.

    Returns:
        A table with ``COLUMNS``. ``epochs`` were trained; ``low`` and ``high`` bound the 95 % interval; ``shifted`` is
        of damaged validation pages and ``expected`` of the run's test part; ``generalisation`` is the public score as a
        share of validation macro-F1.

    Raises:
        UserError: There is no such folder.
    """
    if not runs_dir.is_dir():
        raise UserError(
            f"{runs_dir}: there is no such folder; `munseo train` makes it, or give the one your runs are in."
        )
    rows = [row(RunFolder(path)) for path in sorted(runs_dir.iterdir()) if is_run(path)]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    numeric = [column for column in COLUMNS if column not in ("name", "started", "model", "status")]
    table[numeric] = table[numeric].apply(pd.to_numeric)
    return table.sort_values("val_macro_f1", ascending=False, na_position="last", kind="stable", ignore_index=True)


def is_run(path: Path) -> bool:
    """Runs have a configuration or a manifest, or at least a run's name."""
    marks = any((path / name).is_file() for name in ("config.yaml", "manifest.json"))
    return path.is_dir() and (marks or re.match(r"\d{10}-", path.name) is not None)


def row(run: RunFolder) -> dict[str, Any]:
    """The row of one run, by the names of ``COLUMNS``; of one that cannot be read its name and the reason."""
    try:
        return _read(run)
    except (UserError, yaml.YAMLError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = error.message if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        return {"name": run.name, "status": f"unreadable: {' '.join(reason.split())}"}


def _read(run: RunFolder) -> dict[str, Any]:
    facts = gather(run)
    val, course, ensemble = facts.judgement, facts.course, facts.ensemble
    shifted = facts.shifted.judgement if facts.shifted else None
    low, high = (val.interval if val else None) or (None, None)
    shifted_low, shifted_high = (shifted.interval if shifted else None) or (None, None)
    done = [fold.epochs_done for fold in facts.folds if fold.epochs_done is not None]
    return {
        "name": run.name,
        "started": _local(facts.get("started")),
        "model": f"ensemble of {len(ensemble.members)}" if ensemble else facts.config.model_name,
        "image_size": None if ensemble else facts.config.image_size,
        "epochs": max(done) if done else course.epochs_done,
        "val_macro_f1": val.macro_f1 if val else None,
        "val_macro_f1_low": low,
        "val_macro_f1_high": high,
        "val_shifted_macro_f1": shifted.macro_f1 if shifted else None,
        "val_shifted_macro_f1_low": shifted_low,
        "val_shifted_macro_f1_high": shifted_high,
        "expected_macro_f1": facts.expected.macro_f1 if facts.expected else None,
        "val_accuracy": val.accuracy if val else None,
        "val_loss": val.loss if val else None,
        "public": facts.public,
        "private": facts.private,
        "generalisation": facts.public / val.macro_f1 if val and val.macro_f1 and facts.public is not None else None,
        "minutes": None if course.seconds is None else round(course.seconds / 60, 1),
        "status": facts.get("status") or "unknown",
    }


def _local(started: str | None) -> str | None:
    """Day and minute, as the run's own machine showed them; runs sort by it as text."""
    return datetime.fromisoformat(started).strftime("%Y-%m-%d %H:%M") if started else None
