"""The page to try a model: its predictions for uploaded pages, heat maps, and the nearest training pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from munseo._console import quietly
from munseo._data import decode
from munseo._data.pixels import resized
from munseo._errors import UserError
from munseo._jpeg import encode_jpeg
from munseo._prediction import Predictor
from munseo._run import RunFolder
from munseo._service.admission import Limits
from munseo._service.errors import Refusal
from munseo._service.uploads import ReadPage, files_of, read_body, read_pages
from munseo._ui.explainer import Explainer, Explainers, Neighbours
from munseo._ui.page_templates import page
from munseo._ui.site import NotHere, ResultCache, Site
from munseo._ui.word_marks import spoken_words

LIMITS = Limits(files=20, pages=20)
SHOWN_PX, NEAR_PX = 560, 200
"""Longest side of an uploaded page and of a training page as they are shown, px."""
Load = Callable[[RunFolder], Predictor]
"""Loads a run to predict with."""


def router(site: Site, explainers: Explainers, load: Load) -> APIRouter:
    """Return the routes of ``/try``."""
    routes = APIRouter(prefix="/try")
    loaded, threads = ResultCache(1), ThreadPoolExecutor(2, "decode")

    def choices() -> list[str]:
        table = site.leaderboard().sort_values("val_shifted_macro_f1", ascending=False, na_position="last")
        return [name for name in table["name"] if _has_weights(site.run(name))]

    @routes.get("", response_class=HTMLResponse)
    def form(request: Request, run: str = "") -> Any:
        known = choices()
        if run and run not in known:
            raise NotHere
        return page(request, "try.html.j2", "try", runs=known, run=run or next(iter(known), ""), results=[])

    @routes.post("", response_class=HTMLResponse)
    async def classify(request: Request, run: str) -> Any:
        body = await read_body(request, LIMITS, lambda length: None)
        uploads = files_of(request.headers.get("content-type"), body, None, LIMITS)
        uploads = [upload for upload in uploads if upload.data]
        if not uploads:
            raise Refusal(400, request.state.texts("try.drop"))
        folder = await run_in_threadpool(site.run, run)
        predictor = await run_in_threadpool(loaded.get, folder.path, lambda: load(folder))
        # The pixels are kept next to the prepared page: the heat map and the answer show them.
        pages = await read_pages(
            uploads, lambda pixels, *text: (predictor.prepare(pixels, *text), pixels), LIMITS, threads
        )
        results = await run_in_threadpool(_results, site, explainers, folder, predictor, pages)
        known = await run_in_threadpool(choices)
        return page(
            request, "try.html.j2", "try", runs=known, run=run, results=results,
            threshold=None if predictor.threshold is None else predictor.threshold.confidence,
        )  # fmt: skip

    return routes


def _results(
    site: Site, explainers: Explainers, run: RunFolder, predictor: Predictor, pages: Sequence[ReadPage]
) -> list[dict[str, Any]]:
    """Predict and explain the readable pages; the template shows a result for every page."""
    prepared = [upload.prepared[0] for upload in pages if upload.problem is None]
    rows: list[np.ndarray] = []
    for start in range(0, len(prepared), predictor.batch_size):
        with quietly():
            rows += list(predictor.probabilities(prepared[start : start + predictor.batch_size]))
    explainer = _explainer(explainers, run)
    neighbours = _neighbours(site, run, explainer)
    remaining = iter(rows)
    return [
        {"page": upload}
        if upload.problem is not None
        else _result(upload, next(remaining), predictor, explainer, neighbours)
        for upload in pages
    ]


def _result(
    upload: ReadPage, row: np.ndarray, predictor: Predictor, explainer: Explainer | None, neighbours: Neighbours | None
) -> dict[str, Any]:
    pixels, names, threshold = upload.prepared[1], predictor.card.class_names, predictor.threshold
    best = int(row.argmax())
    order = np.argsort(-row)[:5]
    result: dict[str, Any] = {
        "page": upload,
        "picture": encode_jpeg(resized(pixels, SHOWN_PX)),
        "name": names[best],
        "confidence": float(row[best]),
        "person": threshold is None or bool(row[best] < threshold.confidence),
        "top": [(names[int(index)], float(row[index])) for index in order],
        "heat": None,
        "near": [],
        "reading": None,
        "words": spoken_words(predictor, upload.prepared[0], best, pixels, SHOWN_PX),
    }
    if result["words"] is not None:
        result["picture"] = encode_jpeg(result["words"].marked)
    if explainer is not None:
        square = explainer.square(pixels)
        result["heat"] = encode_jpeg(explainer.heat(square, best))
        if neighbours is not None and neighbours.are_ready:
            result["near"] = [
                (near.id, neighbours.class_name(near), similarity, encode_jpeg(resized(decode(near.path), NEAR_PX)))
                for near, similarity in neighbours.nearest(square)
            ]
        elif neighbours is not None:
            result["reading"] = (neighbours.num_read, len(neighbours.pages))
    return result


def _explainer(explainers: Explainers, run: RunFolder) -> Explainer | None:
    try:
        return explainers.get(run)
    except UserError:  # without weights the model could not be loaded either, and the page shows that error
        return None


def _neighbours(site: Site, run: RunFolder, explainer: Explainer | None) -> Neighbours | None:
    if explainer is None:
        return None
    if explainer.neighbours is None:
        try:
            pages = site.pages_of(run).pages
            explainer.neighbours = Neighbours(explainer, pages.train, pages.class_names)
        except UserError:  # the data folder is gone
            return None
    return explainer.neighbours


def _has_weights(run: RunFolder) -> bool:
    first = (run.folds or [run])[0]
    return first.weights_file.is_file() or (run.path / "members").is_dir()
