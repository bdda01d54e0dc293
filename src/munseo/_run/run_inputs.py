"""The inputs of a run: its settings, and the label, image and side of every page; and how two runs differ in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from munseo._errors import UserError
from munseo._run.run_folder import RunFolder, damaged_table

LOCATIONS = ("runs_dir", "data_dir")
"""Settings that say where things are, not what is done with them."""

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class RunInputs:
    """The inputs of one run.

    Attributes:
        kind: ``single``, ``folds`` or ``ensemble``.
        settings: Values by dotted key; for an ensemble its method and its members' settings.
        versions: The versions of Python and packages, the commit, and the device.
        tables: ``sha256`` and ``rows`` by file name; ``rows`` is None in runs of versions that did not count them.
        classes: Class names by index.
        pages: A row for each page of training and validation, with its ID as the index: ``label`` (class name or
            None), ``sha256``, ``side`` (``train``, ``val``, ``skipped``, or ``fold 3`` for a page that was validated
            there); None where the run has no list of pages.
        test: The same for the test split.
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
    """Read the inputs of a run.

    Raises:
        UserError: A file of the run is damaged.
    """
    manifest = run.read_manifest()
    members = run.members
    kind = "ensemble" if members else "folds" if run.folds else "single"
    classes = read_classes(run)
    all_pages = _pages(members[0] if members else run, classes)
    if all_pages is not None and members:
        # Members may have split differently; an ensemble is judged on the pages that all of them held out.
        judged = set(run.read_predictions(run.val_predictions_file)["ID"])
        labelled = all_pages["side"] != "test"
        all_pages.loc[labelled, "side"] = ["val" if page in judged else "train" for page in all_pages.index[labelled]]
    data = manifest.get("data") or {}
    rows, digests = data.get("table_rows") or {}, data.get("tables") or {}
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
        tables={name: {"sha256": digest, "rows": rows.get(name)} for name, digest in sorted(digests.items())},
        classes=classes,
        pages=None if all_pages is None else all_pages[all_pages["side"] != "test"],
        test=None if all_pages is None else all_pages[all_pages["side"] == "test"],
    )


def read_classes(run: RunFolder) -> list[str]:
    """Return the class names by index, from the card next to the weights."""
    file = (run.folds[0] if run.folds and not run.model_file.is_file() else run).model_file
    names = run.read_json(file).get("class_names")
    if not isinstance(names, list):
        raise UserError(f"{file}: has no class_names; restore it from a copy.")
    return [str(name) for name in names]


def _settings(run: RunFolder, members: list[RunFolder], manifest: dict[str, Any]) -> dict[str, Any]:
    if not members:
        return _flatten(run.read_config().to_dict())
    entry = manifest.get("ensemble") or {}
    settings = {"ensemble.method": entry.get("method"), "ensemble.members": len(members)}
    pairs = zip(members, entry.get("members") or [{}] * len(members), strict=False)
    for number, (member, described) in enumerate(pairs):
        settings[f"members.{number}.name"] = described.get("name")
        settings[f"members.{number}.weight"] = described.get("weight")
        settings |= {f"members.{number}.{key}": value for key, value in _settings(member, [], {}).items()}
    return settings


def _flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as dotted keys; lists stay whole, and an empty mapping is a value."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict) and value:
            flat |= _flatten(value, f"{prefix}{key}.")
        elif prefix or key not in LOCATIONS:
            flat[f"{prefix}{key}"] = value
    return flat


def _pages(run: RunFolder, classes: list[str]) -> pd.DataFrame | None:
    """Read ``pages.parquet``; in a k-fold run the side of each page is the fold that validated it."""
    first = (run.folds or [run])[0]
    if not first.pages_file.is_file():
        return None
    table = read_page_table(first)
    if run.folds:
        for number, fold in enumerate(run.folds):
            held_out = read_page_table(fold)
            ids = set(held_out.loc[held_out["part"] == "val", "ID"])
            table.loc[table["part"].isin(["train", "val"]) & table["ID"].isin(ids), "part"] = f"fold {number}"
    labels = [None if pd.isna(k) else classes[int(k)] if int(k) < len(classes) else str(k) for k in table["target"]]
    pages = pd.DataFrame({"label": pd.Series(labels, dtype=object), "sha256": table["sha256"], "side": table["part"]})
    return pages.set_index(pd.Index(table["ID"].astype(str), name="ID"))


def read_page_table(run: RunFolder) -> pd.DataFrame:
    """Return ``ID, part, target, sha256`` of every page, as the run wrote them when it started.

    Raises:
        UserError: The file is damaged.
    """
    table = run.read_predictions(run.pages_file)
    try:
        return table[["ID", "part", "target", "sha256"]].copy()
    except KeyError as error:
        raise damaged_table(run.pages_file, error) from None


def differing_values(first: dict[str, Any], second: dict[str, Any]) -> Rows:
    """Return the keys whose values differ: ``key, a, b``; a key that a run does not know is None there."""
    keys = [*first, *(key for key in second if key not in first)]
    return [
        {"key": key, "a": first.get(key), "b": second.get(key)}
        for key in keys
        if not _same(first.get(key), second.get(key))
    ]


def differing_tables(first: RunInputs, second: RunInputs) -> Rows:
    """Return the tables whose bytes differ, or that only one run has: ``table, rows_a, rows_b, state``."""
    rows = []
    for name in sorted({*first.tables, *second.tables}):
        a, b = first.tables.get(name), second.tables.get(name)
        if a is None or b is None:
            state = "only in B" if a is None else "only in A"
        elif a["sha256"] == b["sha256"]:
            continue
        else:
            state = "changed"
        rows.append({"table": name, "state": state, "rows_a": a and a["rows"], "rows_b": b and b["rows"]})
    return rows


def differing_pages(first: RunInputs, second: RunInputs) -> dict[str, Any]:
    """Compare labelled pages: how many both runs have, labels, images and sides that differ, pages of only one run.

    Sides are compared only between runs of one kind: in folds every page is validated once.
    """
    if first.pages is None or second.pages is None:
        return {}
    both = first.pages.index.intersection(second.pages.index)
    a, b = first.pages.loc[both], second.pages.loc[both]
    comparable = (first.kind == "folds") == (second.kind == "folds")
    return {
        "in_both": len(both),
        "labels": _changed(a["label"], b["label"]),
        "images": _changed(a["sha256"], b["sha256"]),
        "sides": _changed(a["side"], b["side"]) if comparable else None,
        "only_a": _listed(first.pages.drop(both)),
        "only_b": _listed(second.pages.drop(both)),
    }


def differing_test(first: RunInputs, second: RunInputs) -> dict[str, Any]:
    """Compare test pages: how many both runs have, images that differ, and pages of only one run."""
    if first.test is None or second.test is None:
        return {}
    both = first.test.index.intersection(second.test.index)
    return {
        "in_both": len(both),
        "images": _changed(first.test.loc[both, "sha256"], second.test.loc[both, "sha256"]),
        "only_a": first.test.index.difference(both).tolist(),
        "only_b": second.test.index.difference(both).tolist(),
    }


def _same(first: Any, second: Any) -> bool:
    # True == 1 in Python, but a setting that went from true to 1 did change.
    return isinstance(first, bool) == isinstance(second, bool) and bool(first == second)


def _changed(first: pd.Series, second: pd.Series) -> Rows:
    pairs = zip(first.index, _plain(first), _plain(second), strict=True)
    return [{"ID": page, "a": a, "b": b} for page, a, b in pairs if a != b]


def _plain(values: pd.Series) -> list[Any]:
    return [None if pd.isna(value) else value for value in values]


def _listed(pages: pd.DataFrame) -> Rows:
    return [
        {"ID": page, "label": label, "side": side}
        for page, label, side in zip(pages.index, _plain(pages["label"]), pages["side"], strict=True)
    ]
