"""Renders the templates of the web UI, with what every page needs."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment
from markupsafe import Markup

from munseo import __version__
from munseo._locale import Texts
from munseo._report import html

HERE = Path(__file__).parent
SECTIONS = (("runs", "/"), ("review", "/review"), ("try", "/try"), ("augment", "/augment"))


@cache
def environment() -> Environment:
    """Return the environment of the templates; it escapes everything that comes from a run, a table or a request."""
    templates = html.environment(HERE / "templates")
    templates.filters.update(score=score, per_cent=per_cent, query=urlencode, soft=soft)
    return templates


def page(request: Request, template: str, section: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template with its values in the reader's language; the menu marks ``section``, one of ``SECTIONS``."""
    texts: Texts = request.state.texts
    other = "ko" if texts.language == "en" else "en"
    text = environment().get_template(template).render(
        texts=texts, language=texts.language, section=section, sections=SECTIONS, version=__version__,
        translated=same_address(request, ("lang", other)), other_language=other, **values,
    )  # fmt: skip
    return HTMLResponse(text, status)


def same_address(request: Request, *more: tuple[str, str]) -> str:
    """Return the address of a request on this host, with another language or without one.

    A browser reads ``//name/path`` as the path of another host, so the address begins with exactly one slash.
    """
    query = [pair for pair in request.query_params.multi_items() if pair[0] != "lang"]
    path = "/" + quote(request.url.path.lstrip("/"))
    return f"{path}?{urlencode([*query, *more])}" if query or more else path


def soft(text: str) -> Markup:
    """Return a name that may be broken after its underscores."""
    return Markup("_<wbr>").join(text.split("_"))


def score(value: float | None) -> str:
    """Write a score with four digits, or a dash where there is none."""
    return "–" if value is None or value != value else f"{value:.4f}"


def per_cent(value: float) -> str:
    """Write a probability in per cent; only 1 is written as 100%."""
    shown = min(value, 0.999) if value < 1 else value
    return f"{100 * shown:.1f}%"
