"""The leaderboard, and runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import pandas as pd
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from munseo._locale import Texts
from munseo._report.facts import Facts, gather
from munseo._report.leaderboard import COLUMNS
from munseo._run import RunFolder
from munseo._run.run_inputs import read_inputs
from munseo._ui.charts import Series, line_chart
from munseo._ui.page_predictions import Predictions
from munseo._ui.page_templates import page
from munseo._ui.site import Site

DECISIVE = "val_shifted_macro_f1"
"""Key of the column that sorts the page and stands out on it."""
SHOWN_COLUMNS = sorted(
    (column for column in COLUMNS.values() if column.position is not None), key=lambda column: column.position or 0
)
DISAGREEING = 60
"""Pages that are shown."""


def router(site: Site) -> APIRouter:
    """``/`` and ``/compare``."""
    routes = APIRouter()

    @routes.get("/", response_class=HTMLResponse)
    def leaderboard(
        request: Request, sort: str = DECISIVE, up: bool = False, q: str = "",
        run: Annotated[list[str] | None, Query()] = None,
    ) -> Any:  # fmt: skip
        ticked = set(run or [])  # they stay, whatever the filter says
        sort = sort if sort in COLUMNS else DECISIVE
        table = site.leaderboard()
        total, words = len(table), q.casefold().split()
        kept = [
            row.name in ticked or all(word in f"{row.name} {row.model} {row.status}".casefold() for word in words)
            for row in table[["name", "model", "status"]].itertuples(index=False)
        ]
        table = table[np.array(kept, dtype=bool)]
        table = table.sort_values(sort, ascending=up, na_position="last", kind="stable")
        rows = [{key: _plain(value) for key, value in row.items()} for row in table.to_dict("records")]
        return page(
            request, "runs.html.j2", "runs", rows=rows, columns=SHOWN_COLUMNS, decisive=DECISIVE, sort=sort, up=up, q=q,
            total=total, ticked=ticked, live=any(row["status"] == "running" for row in rows),
        )  # fmt: skip

    @routes.get("/compare", response_class=HTMLResponse)
    def compare(request: Request, run: Annotated[list[str] | None, Query()] = None) -> Any:
        names = list(dict.fromkeys(run or []))
        if len(names) < 2:
            return page(request, "problem.html.j2", "runs", 400, message=request.state.words("compare.few"), details=[])
        runs = [site.run(name) for name in names]
        return page(request, "compare.html.j2", "runs", **_compared(site, runs, request.state.words))

    return routes


def _compared(site: Site, runs: Sequence[RunFolder], say: Texts) -> dict[str, Any]:
    facts = [gather(run) for run in runs]
    return {
        "runs": [{"name": run.name, "letter": chr(65 + n), "facts": facts[n]} for n, run in enumerate(runs)],
        "settings": _settings(runs),
        "charts": _charts(facts, say),
        "classes": _per_class(facts),
        "disagreement": _disagreement(site, runs),
    }


def _settings(runs: Sequence[RunFolder]) -> list[tuple[str, list[str]]]:
    """Keys that have not the same value everywhere; a key that a run does not know is a dash there."""
    settings = [read_inputs(run).settings for run in runs]
    keys = dict.fromkeys(key for one in settings for key in one)
    rows = [(key, ["–" if one.get(key) is None else str(one[key]) for one in settings]) for key in keys]
    return [row for row in rows if len(set(row[1])) > 1]


def _charts(facts: Sequence[Facts], say: Texts) -> list[tuple[str, Any]]:
    charts = []
    for column, title in (("val_macro_f1", "series.val"), ("val_shifted_macro_f1", "series.shifted")):
        series = [
            Series(chr(65 + n), one.curves[0][column].astype(float).tolist(), n)
            for n, one in enumerate(facts)
            if one.curves and column in one.curves[0]
        ]
        name = f"{say('curve.f1')}, {say(title)}"
        charts.append((name, line_chart(name, series, say("epoch"))))
    return [(name, chart) for name, chart in charts if chart]


def _per_class(facts: Sequence[Facts]) -> list[tuple[str, list[float | None]]]:
    scores = [{entry.name: entry.f1 for entry in one.judgement.per_class} if one.judgement else {} for one in facts]
    names = dict.fromkeys(name for one in scores for name in one)
    return [(name, [one.get(name) for one in scores]) for name in names]


def _disagreement(site: Site, runs: Sequence[RunFolder]) -> dict[str, Any] | None:
    """Pages that all runs validated and that not all take for the same class."""
    tables = [Predictions(site, run) for run in runs]
    if not all(table.exist for table in tables):
        return None
    answers = [{page.id: page for page in table.pages()} for table in tables]
    shared = [page_id for page_id in answers[0] if all(page_id in one for one in answers)]
    rows: list[dict[str, Any]] = []
    for page_id in shared:
        said = [
            (table.classes[one[page_id].predicted], one[page_id].confidence)
            for table, one in zip(tables, answers, strict=True)
        ]
        if len({name for name, _ in said}) > 1:
            true = answers[0][page_id].true
            label = tables[0].classes[true] if true >= 0 else None
            rows.append({"id": page_id, "true": label, "said": said, "sure": max(share for _, share in said)})
    rows.sort(key=lambda row: -row["sure"])
    return {"rows": rows[:DISAGREEING], "count": len(rows), "total": len(shared), "run": runs[0].name}


def _plain(value: Any) -> Any:
    return None if pd.isna(value) else value
