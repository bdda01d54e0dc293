"""The robustness profile: what each kind of damage costs by itself, and the pages that break under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from munseo._augment import DAMAGES
from munseo._data import Page, square
from munseo._evaluation.metrics import macro_f1, probability_columns
from munseo._model import ModelCard
from munseo._prediction.loader import Item, PageDataset, oriented
from munseo._prediction.shifted_pages import SHIFT_SEED
from munseo._randomness import generator

SEVERITIES = (1 / 3, 2 / 3, 1.0)
MAX_BROKEN = 4
"""Pages shown for each kind of damage."""


def profile_cells() -> list[tuple[str, float]]:
    """Every damage at every severity; those that are all or nothing at 1 alone."""
    return [(name, severity) for name, d in DAMAGES.items() for severity in (SEVERITIES if d.graded else (1.0,))]


def chosen_pages(pages: Sequence[Page], num_pages: int) -> list[Page]:
    """At most ``num_pages`` pages, the classes in their proportions, by the order of their IDs' own random keys."""
    keys = [generator(SHIFT_SEED, f"robustness/{page.id}").random() for page in pages]
    ranks: dict[int, float] = {}
    for label in sorted({page.label or 0 for page in pages}):
        members = sorted((place for place, page in enumerate(pages) if page.label == label), key=lambda p: keys[p])
        ranks |= {place: (number + 0.5) / len(members) for number, place in enumerate(members)}
    kept = sorted(sorted(ranks, key=lambda place: (ranks[place], place))[:num_pages])
    return [pages[place] for place in kept]


class DamagedPages(PageDataset):
    """Pages under every cell of the profile: all pages under the first cell, then all under the second, and so on.

    The clean squares are kept in memory (S · S · 3 bytes a page), since each is used some 60 times.

    Args:
        pages: N pages whose images can be decoded.
        card: Size and orientation.
    """

    def __init__(self, pages: Sequence[Page], card: ModelCard) -> None:
        self.pages = pages
        self.orientation = card.orientation
        self.cells = profile_cells()
        self._squares = [square(page, card.image_size) for page in pages]

    def __len__(self) -> int:
        return len(self.pages) * len(self.cells)

    def __getitem__(self, place: int) -> Item:
        cell, index = divmod(place, len(self.pages))
        label = self.pages[index].label
        return (
            oriented(self.image(index, *self.cells[cell]), self.orientation),
            -1 if label is None else label,
            index,
            -1,
        )

    def image(self, index: int, damage: str, severity: float) -> np.ndarray:
        """One page under one damage, as it would arrive: uint8 (S, S, 3)."""
        return damaged(self._squares[index], self.pages[index].id, damage, severity)


def damaged(image: np.ndarray, page_id: str, damage: str, severity: float) -> np.ndarray:
    """A square page under one damage of the profile, as it would arrive: uint8 (S, S, 3).

    At every severity the shape of the damage is the same, so that a curve shows what the strength does.
    """
    return DAMAGES[damage](image, severity, generator(SHIFT_SEED, f"robustness/{damage}/{page_id}"))


def robustness_profile(damaged: pd.DataFrame, clean: pd.DataFrame, class_names: Sequence[str]) -> dict[str, Any]:
    """Macro-F1 of every damage by severity, and the pages that break.

    A page breaks under a damage if it is right when clean and wrong under it; the weakest damage that breaks a page
    comes first, then the surest mistake.

    Args:
        damaged: ``ID, damage, severity, target, p_0 …``.
        clean: ``ID, target, p_0 …``, at least the same pages.
        class_names: K names.

    Returns:
        The ``robustness`` entry of ``results.json``; ``broken`` has no ``file`` yet.
    """
    columns = probability_columns(len(class_names))
    ids = damaged["ID"].drop_duplicates().tolist()
    before = clean.set_index("ID").loc[ids]
    right = dict(zip(ids, before[columns].to_numpy().argmax(axis=1) == before["target"].to_numpy(), strict=True))
    rows = []
    for name, damage in DAMAGES.items():
        table = damaged[damaged["damage"] == name]
        if table.empty:
            continue
        levels = sorted(table["severity"].unique().tolist())
        scores = [_score(table[table["severity"] == level], columns) for level in levels]
        broken = _broken(table, right, columns, class_names)
        rows.append(
            {"damage": name, "graded": damage.graded, "severities": levels, "macro_f1": scores, "broken": broken}
        )
    return {"num_pages": len(ids), "clean": _score(before, columns), "damages": rows}


def _score(table: pd.DataFrame, columns: Sequence[str]) -> float:
    predicted = table[list(columns)].to_numpy().argmax(axis=1)
    return macro_f1(table["target"].to_numpy(np.int64), predicted, len(columns))


def _broken(
    table: pd.DataFrame, right: dict[str, bool], columns: Sequence[str], class_names: Sequence[str]
) -> list[dict[str, Any]]:
    rows = table[list(columns)].to_numpy()
    predicted, targets = rows.argmax(axis=1), table["target"].to_numpy(np.int64)
    severities, ids = table["severity"].to_numpy(), table["ID"].tolist()
    wrong = [place for place in np.flatnonzero(predicted != targets) if right[ids[place]]]
    wrong.sort(key=lambda place: (severities[place], -rows[place].max(), place))
    found: dict[str, dict[str, Any]] = {}
    for place in wrong:
        if ids[place] not in found and len(found) < MAX_BROKEN:
            found[ids[place]] = {
                "id": ids[place],
                "severity": float(severities[place]),
                "true": class_names[targets[place]],
                "predicted": class_names[predicted[place]],
                "confidence": float(rows[place].max()),
            }
    return list(found.values())
