"""What went into a run, as its folder tells: settings, and of every page its label, its image and its side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from munseo._errors import UserError
from munseo._run.run_folder import RunFolder

PLACES = ("runs_dir", "data_dir")
"""Settings that say where things are, not what is done with them."""


@dataclass(frozen=True)
class RunInputs:
    """One run's inputs.

    Attributes:
        name: The run's.
        kind: ``single``, ``folds`` or ``ensemble``.
        settings: By dotted key; of an ensemble its method and its members' settings too.
        versions: Of Python and packages, the commit, the device.
        tables: By file name: ``sha256`` and ``rows``, None where the run is of a version that did not count them.
        classes: Names by index.
        pages: A row a page, with the ID as index: ``label`` (class name or None), ``sha256``, ``side`` (train, val,
            skipped, or ``fold 3``: validated there); None where the run keeps none.
        test: The same for the test part, without sides.
    """

    name: str
    kind: str
    settings: dict[str, Any]
    versions: dict[str, Any]
    tables: dict[str, dict[str, Any]]
    classes: list[str]
    pages: pd.DataFrame | None
    test: pd.DataFrame | None


def read_inputs(run: RunFolder) -> RunInputs:
    """Read what went into a run.

    Raises:
        UserError: A file of the run is damaged.
    """
    manifest = run.read_manifest()
    members = [RunFolder(path.parent) for path in sorted((run.path / "members").glob("*/config.yaml"), key=_number)]
    kind = "ensemble" if members else "folds" if run.folds else "single"
    classes = read_classes(run)
    everything = _pages(members[0] if members else run, classes)
    if everything is not None and members:
        # Members may have split differently; an ensemble is judged on the pages that all of them held out.
        judged = set(run.read_predictions(run.val_predictions_file)["ID"])
        labelled = everything["side"] != "test"
        everything.loc[labelled, "side"] = ["val" if page in judged else "train" for page in everything.index[labelled]]
    data = manifest.get("data") or {}
    rows = data.get("table_rows") or {}
    tables = {
        name: {"sha256": digest, "rows": rows.get(name)} for name, digest in sorted((data.get("tables") or {}).items())
    }
    system = manifest.get("system") or {}
    return RunInputs(
        name=run.name,
        kind=kind,
        settings=_settings(run, members, manifest),
        versions={
            **(manifest.get("versions") or {}),
            "git_commit": manifest.get("git_commit"),
            "device": system.get("device_name") or system.get("device"),
        },
        tables=tables,
        classes=classes,
        pages=None if everything is None else everything[everything["side"] != "test"],
        test=None if everything is None else everything[everything["side"] == "test"],
    )


def read_classes(run: RunFolder) -> list[str]:
    """Class names by index, from the card beside the weights."""
    file = (run.folds[0] if run.folds and not run.model_file.is_file() else run).model_file
    names = run.read_json(file).get("class_names")
    if not isinstance(names, list):
        raise UserError(f"{file}: has no class_names; restore it from a copy.")
    return [str(name) for name in names]


def _settings(run: RunFolder, members: list[RunFolder], manifest: dict[str, Any]) -> dict[str, Any]:
    if not members:
        return _flat(run.read_config().model_dump(mode="json"))
    entry = manifest.get("ensemble") or {}
    settings = {"ensemble.method": entry.get("method"), "ensemble.members": len(members)}
    for number, (member, about) in enumerate(zip(members, entry.get("members") or [{}] * len(members), strict=False)):
        settings[f"members.{number}.name"] = about.get("name")
        settings[f"members.{number}.weight"] = about.get("weight")
        settings |= {f"members.{number}.{key}": value for key, value in _settings(member, [], {}).items()}
    return settings


def _flat(values: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Nested mappings as dotted keys; lists stay whole, and an empty mapping is a value."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{before}{key}.")
        elif before or key not in PLACES:
            flat[f"{before}{key}"] = value
    return flat


def _pages(run: RunFolder, classes: list[str]) -> pd.DataFrame | None:
    """``pages.parquet`` of a run; of a k-fold run the side of each page is the fold that validated it."""
    first = (run.folds or [run])[0]
    if not first.pages_file.is_file():
        return None
    table = _page_table(first)
    if run.folds:
        for number, fold in enumerate(run.folds):
            held_out = _page_table(fold)
            ids = set(held_out.loc[held_out["part"] == "val", "ID"])
            table.loc[table["part"].isin(["train", "val"]) & table["ID"].isin(ids), "part"] = f"fold {number}"
    labels = [None if pd.isna(k) else classes[int(k)] if int(k) < len(classes) else str(k) for k in table["target"]]
    found = pd.DataFrame({"label": pd.Series(labels, dtype=object), "sha256": table["sha256"], "side": table["part"]})
    return found.set_index(pd.Index(table["ID"].astype(str), name="ID"))


def _page_table(run: RunFolder) -> pd.DataFrame:
    try:
        table = pd.read_parquet(run.pages_file)
        return table[["ID", "part", "target", "sha256"]].copy()
    except (pa.ArrowException, ValueError, KeyError, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"{run.pages_file}: a damaged parquet file ({reason}); restore it from a copy.") from None


def _number(path: Any) -> int:
    name = path.parent.name
    return int(name) if name.isdigit() else 0
