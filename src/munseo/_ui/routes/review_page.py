"""The review: queues of pages to decide about. Every decision is on the disk before the next page is shown."""

from __future__ import annotations

import getpass
from typing import Annotated, Any
from urllib.parse import quote_plus, unquote_plus, urlencode

import pandas as pd
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from munseo._data import decode
from munseo._data.pixels import resized
from munseo._doctor.review_log import Overtaken, ReviewLog
from munseo._run import RunFolder
from munseo._ui.page_templates import page
from munseo._ui.review_queues import QUEUES, ReviewItem, queue
from munseo._ui.routes.run_page import LARGE_PX, picture
from munseo._ui.site import NotHere, PageIndex, Site

FormField = Annotated[str, Form()]


def router(site: Site) -> APIRouter:
    """Return the routes of ``/review``."""
    routes = APIRouter(prefix="/review")
    log = ReviewLog(site.review_file)

    @routes.get("", response_class=HTMLResponse)
    def review(request: Request, name: str = QUEUES[0], id: str = "", part: str = "", overtaken: int = 0) -> Any:
        name = name if name in QUEUES else QUEUES[0]
        texts = request.state.texts
        if site.data is None:
            return page(request, "problem.html.j2", "review", message=texts("review.no_data"), details=[])
        index = site.data_pages()
        items = queue(name, site, index.pages, _best_run(site), texts)
        decided = log.current()
        left = [item for item in items if item.key not in decided]
        item = next((item for item in items if item.key == (part, id)), left[0] if left else None)
        if id and (item is None or item.key != (part, id)):
            item = _page_outside(index, part, id) or item
        reviewer = _reviewer(request)
        decisions = [decision for decision in decided.values() if decision.reviewer == reviewer]
        return page(
            request, "review.html.j2", "review", name=name, queues=QUEUES, item=item, items=items, left=left,
            pages=index.pages, current=decided.get(item.key) if item else None,
            latest=max(decisions, key=lambda decision: decision.number, default=None),
            reviewer=reviewer, overtaken=bool(overtaken), file=site.review_file,
            other=_page_outside(index, index.labelled_part(item.other), item.other) if item and item.other else None,
        )  # fmt: skip

    @routes.post("/decide")
    def decide(
        request: Request, name: FormField, part: FormField, id: FormField, target: FormField, action: FormField,
        seen: Annotated[int, Form()], new_target: FormField = "",
    ) -> Any:  # fmt: skip
        try:
            log.decide(_reviewer(request), part, id, target, action, new_target, seen=seen)
        except Overtaken:
            return _redirect(name=name, part=part, id=id, overtaken=1)
        return _redirect(name=name)

    @routes.post("/undo")
    def undo(request: Request, name: FormField, number: Annotated[int, Form()]) -> Any:
        decision = next((decision for decision in log.read() if decision.number == number), None)
        if decision is None:
            raise NotHere
        try:
            log.undo(_reviewer(request), number)
        except Overtaken:
            return _redirect(name=name, part=decision.part, id=decision.id, overtaken=1)
        return _redirect(name=name, part=decision.part, id=decision.id)

    @routes.post("/name")
    def rename(name: FormField, reviewer: FormField) -> Any:
        response = _redirect(name=name)
        response.set_cookie("reviewer", quote_plus(reviewer.strip()[:60]), max_age=365 * 86400, samesite="strict")
        return response

    @routes.get("/image")
    def image(part: str, id: str) -> Any:
        return picture(resized(decode(site.data_pages().get(part, id).path), LARGE_PX))

    return routes


def _redirect(**query: str | int) -> RedirectResponse:
    return RedirectResponse(f"/review?{urlencode(query)}", status_code=303)


def _reviewer(request: Request) -> str:
    name = unquote_plus(request.cookies.get("reviewer", "")).strip()[:60]
    if name:
        return name
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # the machine has no user names
        return "reviewer"


def _best_run(site: Site) -> RunFolder | None:
    """Return the run whose held-out predictions fill the queues: the best one that has any."""
    table = site.leaderboard()
    key = table["val_shifted_macro_f1"].fillna(table["val_macro_f1"])
    for name in table.assign(key=pd.to_numeric(key)).sort_values("key", ascending=False)["name"]:
        run = site.run(name)
        if run.val_predictions_file.exists():
            return run
    return None


def _page_outside(index: PageIndex, part: str | None, page_id: str) -> ReviewItem | None:
    """Return a labelled page that is not in the queue, such as one that was just decided about."""
    if part not in ("train", "val"):
        return None
    try:
        label = index.get(part, page_id).label
    except NotHere:
        return None
    return None if label is None else ReviewItem(part, page_id, label, None, "")
