"""The leaderboard, and a comparison of runs."""

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
from munseo._ui.page_templates import page
from munseo._ui.run_predictions import RunPredictions
from munseo._ui.site import Site

DECISIVE = "val_shifted_macro_f1"
"""Key of the column that sorts the page at first, and that is printed in bold."""
SHOWN_COLUMNS = sorted(
    (column for column in COLUMNS.values() if column.position is not None), key=lambda column: column.position or 0
)
MAX_DISAGREEMENTS = 60
"""Largest number of pages that the comparison shows."""


def router(site: Site) -> APIRouter:
    """Return the routes of ``/`` and ``/compare``."""
    routes = APIRouter()

    @routes.get("/", response_class=HTMLResponse)
    def leaderboard(
        request: Request, sort: str = DECISIVE, up: bool = False, q: str = "",
        run: Annotated[list[str] | None, Query()] = None,
    ) -> Any:  # fmt: skip
        ticked = set(run or [])  # ticked runs stay, whatever the filter is
        sort = sort if sort in COLUMNS else DECISIVE
        table = site.leaderboard()
        total, words = len(table), q.casefold().split()
        kept = [
            row.name in ticked or all(word in f"{row.name} {row.model} {row.status}".casefold() for word in words)
            for row in table[["name", "model", "status"]].itertuples(index=False)
        ]
        table = table[np.array(kept, dtype=bool)]
        table = table.sort_values(sort, ascending=up, na_position="last", kind="stable")
        rows = [
            {key: None if pd.isna(value) else value for key, value in row.items()} for row in table.to_dict("records")
        ]
        return page(
            request, "runs.html.j2", "runs", rows=rows, columns=SHOWN_COLUMNS, decisive=DECISIVE, sort=sort, up=up, q=q,
            total=total, ticked=ticked, live=any(row["status"] == "running" for row in rows),
        )  # fmt: skip

    @routes.get("/compare", response_class=HTMLResponse)
    def compare(request: Request, run: Annotated[list[str] | None, Query()] = None) -> Any:
        names = list(dict.fromkeys(run or []))
        if len(names) < 2:
            return page(request, "problem.html.j2", "runs", 400, message=request.state.texts("compare.few"), details=[])
        runs = [site.run(name) for name in names]
        return page(request, "compare.html.j2", "runs", **_compared(site, runs, request.state.texts))

    return routes


def _compared(site: Site, runs: Sequence[RunFolder], texts: Texts) -> dict[str, Any]:
    facts = [gather(run) for run in runs]
    return {
        "runs": [{"name": run.name, "letter": chr(65 + n), "facts": facts[n]} for n, run in enumerate(runs)],
        "settings": _settings(runs),
        "charts": _charts(facts, texts),
        "classes": _per_class(facts),
        "disagreement": _disagreement(site, runs),
    }


def _settings(runs: Sequence[RunFolder]) -> list[tuple[str, list[str]]]:
    """Return the keys whose values differ; the value is a dash where a run does not have the key."""
    settings = [read_inputs(run).settings for run in runs]
    keys = dict.fromkeys(key for of_run in settings for key in of_run)
    rows = [(key, ["–" if of_run.get(key) is None else str(of_run[key]) for of_run in settings]) for key in keys]
    return [row for row in rows if len(set(row[1])) > 1]


def _charts(facts: Sequence[Facts], texts: Texts) -> list[tuple[str, Any]]:
    charts = []
    for column, title in (("val_macro_f1", "series.val"), ("val_shifted_macro_f1", "series.shifted")):
        series = [
            Series(chr(65 + n), of_run.curves[0][column].astype(float).tolist(), n)
            for n, of_run in enumerate(facts)
            if of_run.curves and column in of_run.curves[0]
        ]
        name = f"{texts('curve.f1')}, {texts(title)}"
        charts.append((name, line_chart(name, series, texts("epoch"))))
    return [(name, chart) for name, chart in charts if chart]


def _per_class(facts: Sequence[Facts]) -> list[tuple[str, list[float | None]]]:
    """Return each class with its F1 in every run; None where a run does not have the class."""
    judgements = [of_run.results.val for of_run in facts]
    scores = [{entry.name: entry.f1 for entry in judged.per_class} if judged else {} for judged in judgements]
    names = dict.fromkeys(name for of_run in scores for name in of_run)
    return [(name, [of_run.get(name) for of_run in scores]) for name in names]


def _disagreement(site: Site, runs: Sequence[RunFolder]) -> dict[str, Any] | None:
    """Return the pages that all runs validated and did not all assign to the same class; None without predictions."""
    tables = [RunPredictions(site, run) for run in runs]
    if not all(table.exist for table in tables):
        return None
    predictions = [{page.id: page for page in table.pages()} for table in tables]
    shared = [page_id for page_id in predictions[0] if all(page_id in of_run for of_run in predictions)]
    rows: list[dict[str, Any]] = []
    for page_id in shared:
        pages = [of_run[page_id] for of_run in predictions]
        named = [(table.classes[page.predicted], page.confidence) for table, page in zip(tables, pages, strict=True)]
        if len({name for name, _ in named}) > 1:
            label = tables[0].classes[pages[0].true] if pages[0].true >= 0 else None
            rows.append({"id": page_id, "true": label, "predictions": named})
    rows.sort(key=lambda row: -max(confidence for _, confidence in row["predictions"]))
    return {"rows": rows[:MAX_DISAGREEMENTS], "count": len(rows), "total": len(shared), "run": runs[0].name}
