"""What differs between the inputs of two runs, thing by thing."""

from __future__ import annotations

from typing import Any

import pandas as pd

from munseo._run.run_inputs import RunInputs

Rows = list[dict[str, Any]]


def differing_values(one: dict[str, Any], other: dict[str, Any]) -> Rows:
    """Keys whose values differ: ``key, a, b``; a key that one run does not know is None there."""
    keys = [*one, *(key for key in other if key not in one)]
    return [
        {"key": key, "a": one.get(key), "b": other.get(key)} for key in keys if not _same(one.get(key), other.get(key))
    ]


def differing_tables(one: RunInputs, other: RunInputs) -> Rows:
    """Tables whose bytes differ, or that one run alone has: ``table, rows_a, rows_b, state``."""
    rows = []
    for name in sorted({*one.tables, *other.tables}):
        a, b = one.tables.get(name), other.tables.get(name)
        if a is None or b is None:
            state = "only in B" if a is None else "only in A"
        elif a["sha256"] == b["sha256"]:
            continue
        else:
            state = "changed"
        rows.append({"table": name, "state": state, "rows_a": a and a["rows"], "rows_b": b and b["rows"]})
    return rows


def differing_pages(one: RunInputs, other: RunInputs) -> dict[str, Any]:
    """Labelled pages: how many both have, labels, images and sides that differ, and pages of one run alone.

    Sides are compared between runs of one kind; whether a page was validated in fold 3 or at all says different things.
    """
    if one.pages is None or other.pages is None:
        return {}
    both = one.pages.index.intersection(other.pages.index)
    a, b = one.pages.loc[both], other.pages.loc[both]
    comparable = (one.kind == "folds") == (other.kind == "folds")
    return {
        "in_both": len(both),
        "labels": _changed(a["label"], b["label"]),
        "images": _changed(a["sha256"], b["sha256"]),
        "sides": _changed(a["side"], b["side"]) if comparable else None,
        "only_a": _listed(one.pages.drop(both)),
        "only_b": _listed(other.pages.drop(both)),
    }


def differing_test(one: RunInputs, other: RunInputs) -> dict[str, Any]:
    """Test pages: how many both have, images that differ, and pages of one run alone."""
    if one.test is None or other.test is None:
        return {}
    both = one.test.index.intersection(other.test.index)
    return {
        "in_both": len(both),
        "images": _changed(one.test.loc[both, "sha256"], other.test.loc[both, "sha256"]),
        "only_a": one.test.index.difference(both).tolist(),
        "only_b": other.test.index.difference(both).tolist(),
    }


def _same(one: Any, other: Any) -> bool:
    # True == 1 in Python, and a setting that went from true to 1 did change.
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _changed(one: pd.Series, other: pd.Series) -> Rows:
    pairs = zip(one.index, _plain(one), _plain(other), strict=True)
    return [{"ID": page, "a": a, "b": b} for page, a, b in pairs if a != b]


def _plain(values: pd.Series) -> list[Any]:
    return [None if pd.isna(value) else value for value in values]


def _listed(pages: pd.DataFrame) -> Rows:
    return [
        {"ID": page, "label": label, "side": side}
        for page, label, side in zip(pages.index, _plain(pages["label"]), pages["side"], strict=True)
    ]
