"""One run: overview, report, its pages, and one page large."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from munseo._data import Page, decode, letterbox
from munseo._data.cache import square
from munseo._data.letterbox import resized
from munseo._errors import UserError
from munseo._locale import Texts
from munseo._prediction.loader import oriented
from munseo._prediction.shifted_pages import SEVERITIES, ShiftedPages, damaged
from munseo._report.content import build
from munseo._report.facts import Facts, gather
from munseo._run import RunFolder
from munseo._shift.recipe_file import read_recipe
from munseo._ui.charts import Series, line_chart
from munseo._ui.explainer import Explainer, Models, jpeg
from munseo._ui.page_predictions import CLEAN, RECIPE, Choice, Predictions
from munseo._ui.page_templates import page
from munseo._ui.site import NotHere, Site

PAGES_A_SHEET = 48
THUMBNAIL_PX, LARGE_PX = 240, 1100
CURVES = (
    ("curve.f1", (("train_macro_f1", "series.train"), ("val_macro_f1", "series.val"),
                  ("val_shifted_macro_f1", "series.shifted"))),
    ("curve.loss", (("train_loss", "series.train"), ("val_loss", "series.val"),
                    ("val_shifted_loss", "series.shifted"))),
    ("curve.lr", (("lr", "epoch"),)),
)  # fmt: skip


def router(site: Site, models: Models) -> APIRouter:
    """``/runs/NAME`` and what is below."""
    routes = APIRouter(prefix="/runs/{name}")

    @routes.get("", response_class=HTMLResponse)
    def overview(request: Request, name: str) -> Any:
        run = site.run(name)
        facts, say = gather(run), request.state.words
        live = facts.get("status") == "running"
        return page(
            request, "run.html.j2", "runs", name=name, facts=facts, tab="overview", live=live,
            charts=_charts(facts, say), matrix=_matrix(facts),
        )  # fmt: skip

    @routes.get("/report", response_class=HTMLResponse)
    def report(request: Request, name: str) -> Any:
        facts = gather(site.run(name))
        document = build(facts, Texts(request.state.words.language, "report"))
        return page(request, "report_page.html.j2", "runs", name=name, facts=facts, tab="report", document=document)

    @routes.get("/pages", response_class=HTMLResponse)
    def pages(
        request: Request, name: str, true: str = "", predicted: str = "", wrong: bool = False, least: float = 0.0,
        most: float = 1.0, damage: str = CLEAN, first: int = 0,
    ) -> Any:  # fmt: skip
        run = site.run(name)
        table = Predictions(site, run)
        choice = Choice(_index(true, table), _index(predicted, table), wrong, least, most)
        found = table.matching(damage, choice)
        first = max(0, min(first, len(found) - 1))
        return page(
            request, "pages.html.j2", "runs", name=name, facts=gather(run), tab="pages", classes=table.classes,
            damages=table.damages(), damage=damage, choice=choice, found=found[first : first + PAGES_A_SHEET],
            total=len(found), first=first, sheet=PAGES_A_SHEET, missing=_missing(site, run),
        )  # fmt: skip

    @routes.get("/page", response_class=HTMLResponse)
    def one(request: Request, name: str, id: str, damage: str = CLEAN, label: int | None = None) -> Any:
        run = site.run(name)
        table = Predictions(site, run)
        score = table.page(id, damage)
        if score is None:
            raise NotHere
        label = score.predicted if label is None or not 0 <= label < len(table.classes) else label
        views, reason = None, None
        try:
            explainer = models.explainer(run)
            views = explainer.views(_given(site, run, id, damage, explainer))
        except UserError as error:
            reason = error.message
        return page(
            request, "page.html.j2", "runs", name=name, facts=gather(run), tab="pages", score=score, damage=damage,
            classes=table.classes, label=label, views=views, reason=reason, damages=_known(table, id),
            part=_part(site, run, id),
            pictures=[] if views is None else [jpeg(view.image, 78) for view in views],
        )  # fmt: skip

    @routes.get("/image")
    def image(name: str, id: str, damage: str = CLEAN, large: bool = False) -> Response:
        run = site.run(name)
        size = LARGE_PX if large else THUMBNAIL_PX
        if damage == CLEAN:
            return picture(resized(decode(_find(site, run, id).path), size))
        return picture(letterbox(_damaged(site, run, id, damage), size))

    @routes.get("/heat")
    def heat(name: str, id: str, label: int, damage: str = CLEAN) -> Response:
        run = site.run(name)
        explainer = models.explainer(run)
        return picture(explainer.heat(_given(site, run, id, damage, explainer), label))

    return routes


def picture(image: Any) -> Response:
    """A JPEG that the browser may keep for a while."""
    return Response(jpeg(image), media_type="image/jpeg", headers={"Cache-Control": "private, max-age=300"})


def _charts(facts: Facts, say: Texts) -> list[tuple[str, Any]]:
    charts = []
    for title, lines in CURVES:
        series = [
            Series(say(label) + (f" {fold}" if len(facts.curves) > 1 else ""), table[column].astype(float).tolist(),
                   number)
            for fold, table in enumerate(facts.curves)
            for number, (column, label) in enumerate(lines)
            if column in table
        ]  # fmt: skip
        if title == "curve.lr":
            series = [Series("lr", one.values, one.tone) for one in series[:1]]
        charts.append((say(title), line_chart(say(title), series, say("epoch"))))
    return [(title, chart) for title, chart in charts if chart]


def _matrix(facts: Facts) -> list[tuple[str, int, list[tuple[int, float]]]] | None:
    """A row a true class: name, number of pages, and of each cell its count and its share of the row."""
    if facts.judgement is None:
        return None
    counts = facts.judgement.confusion
    names = [entry.name for entry in facts.judgement.per_class]
    return [
        (name, int(row.sum()), [(int(count), float(count / max(row.sum(), 1))) for count in row])
        for name, row in zip(names, counts, strict=True)
    ]


def _index(text: str, table: Predictions) -> int | None:
    return int(text) if text.isdigit() and int(text) < len(table.classes) else None


def _known(table: Predictions, page_id: str) -> list[str]:
    """Damages under which the run has predicted this page."""
    return [damage for damage in table.damages() if table.page(page_id, damage) is not None]


def _part(site: Site, run: RunFolder, page_id: str) -> str | None:
    """The table that labels the page, where it can be reviewed."""
    if site.data is None or _missing(site, run):
        return None
    pages = site.pages_of(run)
    parts = (("val", pages.val or ()), ("train", pages.train))
    return next((part for part, some in parts if any(page.id == page_id for page in some)), None)


def _missing(site: Site, run: RunFolder) -> str | None:
    """Where the data should be, if they are not there."""
    try:
        site.pages_of(run)
    except UserError:
        return str(site.data_of(run))
    return None


def _find(site: Site, run: RunFolder, page_id: str) -> Page:
    pages = site.pages_of(run)
    for known in (*(pages.val or ()), *pages.train, *pages.test):
        if known.id == page_id:
            return known
    raise NotHere


def _damaged(site: Site, run: RunFolder, page_id: str, damage: str) -> Any:
    """The page as it was damaged for validation, uint8 (S, S, 3): a function of its ID and the damage."""
    found, size = _find(site, run, page_id), run.read_config().image_size
    name, _, strength = damage.partition(":")
    if name == RECIPE:
        recipe = read_recipe(run)
        if recipe is None or not strength.isdigit():
            raise NotHere
        return ShiftedPages([found], size, recipe, int(strength) + 1).image(0, int(strength))
    table = Predictions(site, run)
    if damage not in table.damages():
        raise NotHere
    # The table's severities have two digits here; the nearest of those that were measured is meant.
    severity = min(SEVERITIES, key=lambda known: abs(known - float(strength)))
    return damaged(square(found, size), page_id, name, severity)


def _given(site: Site, run: RunFolder, page_id: str, damage: str, explainer: Explainer) -> Any:
    if damage == CLEAN:
        return explainer.square(decode(_find(site, run, page_id).path))
    return oriented(_damaged(site, run, page_id, damage), explainer.card.orientation)
