"""Queues of pages to decide about; every decision is on the disk before the next page is shown."""

from __future__ import annotations

import getpass
from typing import Annotated, Any
from urllib.parse import quote_plus, unquote_plus, urlencode

import pandas as pd
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from munseo._data import PageSet, decode
from munseo._data.letterbox import resized
from munseo._doctor.review_log import Decision, Overtaken, ReviewLog
from munseo._run import RunFolder
from munseo._ui.page_templates import page
from munseo._ui.review_queues import QUEUES, Item, queue
from munseo._ui.routes.run_page import LARGE_PX, picture
from munseo._ui.site import NotHere, Site

Field = Annotated[str, Form()]


def router(site: Site) -> APIRouter:
    """``/review``."""
    routes = APIRouter(prefix="/review")
    log = ReviewLog(site.review_file)

    @routes.get("", response_class=HTMLResponse)
    def review(request: Request, name: str = QUEUES[0], id: str = "", part: str = "", overtaken: int = 0) -> Any:
        name = name if name in QUEUES else QUEUES[0]
        say = request.state.words
        if site.data is None:
            return page(request, "problem.html.j2", "review", message=say("review.no_data"), details=[])
        pages, run = site.data_pages(), _judge(site)
        items = queue(name, site, pages, run, say)
        decided = log.current()
        left = [item for item in items if item.key not in decided]
        item = next((one for one in items if one.key == (part, id)), left[0] if left else None)
        if id and (item is None or item.key != (part, id)):
            item = _any_page(pages, part, id) or item
        mine = _last(log, _reviewer(request))
        return page(
            request, "review.html.j2", "review", name=name, queues=QUEUES, item=item, items=items, left=left,
            pages=pages, current=decided.get(item.key) if item else None, mine=mine, reviewer=_reviewer(request),
            other=_any_page(pages, item.part, item.other) if item and item.other else None,
            overtaken=bool(overtaken), file=site.review_file,
        )  # fmt: skip

    @routes.post("/decide")
    def decide(
        request: Request, name: Field, part: Field, id: Field, target: Field, action: Field,
        seen: Annotated[int, Form()], new_target: Field = "",
    ) -> Any:  # fmt: skip
        try:
            log.decide(_reviewer(request), part, id, target, action, new_target, seen=seen)
        except Overtaken:
            return _to(name=name, part=part, id=id, overtaken=1)
        return _to(name=name)

    @routes.post("/undo")
    def undo(request: Request, name: Field, number: Annotated[int, Form()]) -> Any:
        about = next((one for one in log.read() if one.number == number), None)
        if about is None:
            raise NotHere
        try:
            log.undo(_reviewer(request), number)
        except Overtaken:
            return _to(name=name, part=about.part, id=about.id, overtaken=1)
        return _to(name=name, part=about.part, id=about.id)

    @routes.post("/name")
    def rename(name: Field, reviewer: Field) -> Any:
        answer = _to(name=name)
        answer.set_cookie("reviewer", quote_plus(reviewer.strip()[:60]), max_age=365 * 86400, samesite="strict")
        return answer

    @routes.get("/image")
    def image(part: str, id: str) -> Any:
        pages = site.data_pages()
        for found in pages.train if part == "train" else pages.val or () if part == "val" else pages.test:
            if found.id == id:
                return picture(resized(decode(found.path), LARGE_PX))
        raise NotHere

    return routes


def _to(**words: str | int) -> RedirectResponse:
    return RedirectResponse(f"/review?{urlencode(words)}", status_code=303)


def _reviewer(request: Request) -> str:
    name = unquote_plus(request.cookies.get("reviewer", "")).strip()[:60]
    if name:
        return name
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a machine without user names
        return "reviewer"


def _last(log: ReviewLog, reviewer: str) -> Decision | None:
    """The reviewer's latest decision that is in force."""
    own = [one for one in log.current().values() if one.reviewer == reviewer]
    return max(own, key=lambda one: one.number, default=None)


def _judge(site: Site) -> RunFolder | None:
    """The run whose held-out predictions fill the queues: the best one that has any."""
    table = site.leaderboard()
    key = table["val_shifted_macro_f1"].fillna(table["val_macro_f1"])
    for name in table.assign(key=pd.to_numeric(key)).sort_values("key", ascending=False)["name"]:
        run = site.run(name)
        if run.val_predictions_file.exists():
            return run
    return None


def _any_page(pages: PageSet, part: str, page_id: str) -> Item | None:
    """A page outside of the queue, such as one that was just decided about."""
    for found in pages.train if part == "train" else pages.val or () if part == "val" else ():
        if found.id == page_id and found.label is not None:
            return Item(part, page_id, found.label, None, "")
    return None
