"""The pages of one run: its overview, its report, its validation pages, and one page large."""

from __future__ import annotations

from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from munseo._data import decode, letterbox
from munseo._data.cache import square
from munseo._data.pixels import resized
from munseo._errors import UserError
from munseo._jpeg import encode_jpeg
from munseo._locale import Texts
from munseo._prediction.loader import oriented
from munseo._prediction.shifted_pages import ShiftedPages, damaged
from munseo._report.facts import Facts, gather
from munseo._report.report import build_document
from munseo._run import RunFolder
from munseo._shift.recipe_file import read_recipe
from munseo._ui.charts import Series, line_chart
from munseo._ui.explainer import Explainer, Explainers
from munseo._ui.page_templates import page
from munseo._ui.run_predictions import CLEAN, RECIPE, PageDamage, PageFilter, RunPredictions
from munseo._ui.site import NotHere, Site

PAGES_A_SHEET = 48
"""Number of pages that a list shows at once."""
THUMBNAIL_PX, LARGE_PX = 240, 1100
"""Longest side of a page in a list, and of one shown large, px."""
CURVES = (
    ("curve.f1", (("train_macro_f1", "series.train"), ("val_macro_f1", "series.val"),
                  ("val_shifted_macro_f1", "series.shifted"))),
    ("curve.loss", (("train_loss", "series.train"), ("val_loss", "series.val"),
                    ("val_shifted_loss", "series.shifted"))),
    ("curve.lr", (("lr", "epoch"),)),
)  # fmt: skip
"""The charts: the title of each, and its lines as columns of ``metrics.csv`` with their labels."""


def router(site: Site, explainers: Explainers) -> APIRouter:
    """Return the routes of ``/runs/NAME`` and below."""
    routes = APIRouter(prefix="/runs/{name}")

    @routes.get("", response_class=HTMLResponse)
    def overview(request: Request, name: str) -> Any:
        run = site.run(name)
        facts, texts = gather(run), request.state.texts
        live = facts.get("status") == "running"
        return page(
            request, "run.html.j2", "runs", name=name, facts=facts, tab="overview", live=live,
            charts=_charts(facts, texts), matrix=_matrix(facts),
        )  # fmt: skip

    @routes.get("/report", response_class=HTMLResponse)
    def report(request: Request, name: str) -> Any:
        facts = gather(site.run(name))
        document = build_document(facts, Texts(request.state.texts.language, "report"))
        return page(request, "report_page.html.j2", "runs", name=name, facts=facts, tab="report", document=document)

    @routes.get("/pages", response_class=HTMLResponse)
    def pages(
        request: Request, name: str, true: str = "", predicted: str = "", wrong: bool = False, least: float = 0.0,
        most: float = 1.0, damage: str = CLEAN.key, first: int = 0,
    ) -> Any:  # fmt: skip
        run = site.run(name)
        predictions = RunPredictions(site, run)
        page_filter = PageFilter(_index(true, predictions), _index(predicted, predictions), wrong, least, most)
        known = predictions.damages.get(damage)
        matching = [] if known is None else predictions.matching(known, page_filter)
        first = max(0, min(first, len(matching) - 1))
        return page(
            request, "pages.html.j2", "runs", name=name, facts=gather(run), tab="pages", classes=predictions.classes,
            damages=predictions.damages.values(), damage=damage, page_filter=page_filter,
            matching=matching[first : first + PAGES_A_SHEET], total=len(matching), first=first, sheet=PAGES_A_SHEET,
            missing=_missing(site, run),
        )  # fmt: skip

    @routes.get("/page", response_class=HTMLResponse)
    def one_page(request: Request, name: str, id: str, damage: str = CLEAN.key, label: int | None = None) -> Any:
        run = site.run(name)
        predictions = RunPredictions(site, run)
        by_damage = {key: predictions.page(id, known) for key, known in predictions.damages.items()}
        prediction = by_damage.get(damage)
        if prediction is None:
            raise NotHere
        label = prediction.predicted if label is None or not 0 <= label < len(predictions.classes) else label
        views, reason = None, None
        try:
            explainer = explainers.get(run)
            views = explainer.views(_model_input(site, run, id, predictions.damages[damage], explainer))
        except UserError as error:
            reason = error.message
        return page(
            request, "page.html.j2", "runs", name=name, facts=gather(run), tab="pages", prediction=prediction,
            damage=damage, classes=predictions.classes, label=label, views=views, reason=reason,
            damages=[known for key, known in predictions.damages.items() if by_damage[key] is not None],
            part=None if site.data is None or _missing(site, run) else site.pages_of(run).labelled_part(id),
            pictures=[] if views is None else [encode_jpeg(view.image, 78) for view in views],
        )  # fmt: skip

    @routes.get("/image")
    def image(name: str, id: str, damage: str = CLEAN.key, large: bool = False) -> Response:
        run = site.run(name)
        size = LARGE_PX if large else THUMBNAIL_PX
        known = _damage(site, run, damage)
        if known == CLEAN:
            return picture(resized(decode(site.pages_of(run).find(id).path), size))
        return picture(letterbox(_damaged(site, run, id, known), size))

    @routes.get("/heat")
    def heat(name: str, id: str, label: int, damage: str = CLEAN.key) -> Response:
        run = site.run(name)
        explainer = explainers.get(run)
        if not 0 <= label < explainer.card.num_classes:
            raise NotHere
        image = _model_input(site, run, id, _damage(site, run, damage), explainer)
        return picture(explainer.heat(image, label))

    return routes


def picture(image: Any) -> Response:
    """Return a JPEG that the browser may cache for five minutes."""
    return Response(encode_jpeg(image), media_type="image/jpeg", headers={"Cache-Control": "private, max-age=300"})


def _charts(facts: Facts, texts: Texts) -> list[tuple[str, Any]]:
    charts = []
    for title, lines in CURVES:
        series = [
            Series(texts(label) + (f" {fold}" if len(facts.curves) > 1 else ""), table[column].astype(float).tolist(),
                   number)
            for fold, table in enumerate(facts.curves)
            for number, (column, label) in enumerate(lines)
            if column in table
        ]  # fmt: skip
        if title == "curve.lr":
            series = [Series("lr", line.values, line.tone) for line in series[:1]]
        charts.append((texts(title), line_chart(texts(title), series, texts("epoch"))))
    return [(title, chart) for title, chart in charts if chart]


def _matrix(facts: Facts) -> list[tuple[str, int, list[tuple[int, float]]]] | None:
    """Return a row for each true class: its name, its number of pages, and the count and fraction of each cell."""
    if facts.results.val is None:
        return None
    counts = facts.results.val.confusion
    names = [entry.name for entry in facts.results.val.per_class]
    return [
        (name, sum(row), [(count, count / max(sum(row), 1)) for count in row])
        for name, row in zip(names, counts, strict=True)
    ]


def _index(text: str, predictions: RunPredictions) -> int | None:
    """Return the index of a class in an address; None for no class."""
    if not text:
        return None
    # int() also reads digits of other scripts and takes a second for a million of them.
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) < len(predictions.classes)):
        raise NotHere
    return int(text)


def _missing(site: Site, run: RunFolder) -> str | None:
    """Return the folder where the data should be if they are not there."""
    try:
        site.pages_of(run)
    except UserError:
        return str(site.data_of(run))
    return None


def _damage(site: Site, run: RunFolder, key: str) -> PageDamage:
    """Return the damage of an address; clean pages can be shown before the run has predicted them."""
    damage = CLEAN if key == CLEAN.key else RunPredictions(site, run).damages.get(key)
    if damage is None:
        raise NotHere
    return damage


def _damaged(site: Site, run: RunFolder, page_id: str, damage: PageDamage) -> np.ndarray:
    """Return the page as it was damaged for validation, uint8 (S, S, 3): a function of its ID and the damage."""
    page, size = site.pages_of(run).find(page_id), run.read_config().image_size
    if damage.kind != RECIPE:
        return damaged(square(page, size), page_id, damage.kind, damage.severity)
    recipe = read_recipe(run)
    if recipe is None:
        raise NotHere
    return ShiftedPages([page], size, recipe, damage.draw + 1).image(0, damage.draw)


def _model_input(site: Site, run: RunFolder, page_id: str, damage: PageDamage, explainer: Explainer) -> np.ndarray:
    """Return the page as the model gets it, uint8 (S, S, 3)."""
    if damage == CLEAN:
        return explainer.square(decode(site.pages_of(run).find(page_id).path))
    return oriented(_damaged(site, run, page_id, damage), explainer.card.orientation)
