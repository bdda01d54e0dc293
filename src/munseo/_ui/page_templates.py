"""Templates, and what every page of them knows."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment
from markupsafe import Markup

from munseo import __version__
from munseo._locale import Texts
from munseo._report import html

HERE = Path(__file__).parent
ROOMS = (("runs", "/"), ("review", "/review"), ("try", "/try"), ("augment", "/augment"))


@cache
def environment() -> Environment:
    """Everything that comes from a run, a table or a request is escaped."""
    made = html.environment(HERE / "templates")
    made.filters.update(score=score, per_cent=per_cent, query=urlencode, soft=soft)
    return made


def page(request: Request, template: str, room: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page, or the part of one that is asked for, in the reader's language."""
    say: Texts = request.state.words
    # The same address in the other language.
    asked = [pair for pair in request.query_params.multi_items() if pair[0] != "lang"]
    other = "ko" if say.language == "en" else "en"
    text = environment().get_template(template).render(
        say=say, language=say.language, room=room, rooms=ROOMS, version=__version__,
        translated=f"{request.url.path}?{urlencode([*asked, ('lang', other)])}", other_language=other, **values,
    )  # fmt: skip
    return HTMLResponse(text, status)


def soft(text: str) -> Markup:
    """A name that may be broken after its underscores."""
    return Markup("_<wbr>").join(text.split("_"))


def score(value: float | None) -> str:
    """Four digits, or a dash."""
    return "–" if value is None or value != value else f"{value:.4f}"


def per_cent(value: float) -> str:
    """A probability for people; it does not say 100 % where it is not 1."""
    shown = min(value, 0.999) if value < 1 else value
    return f"{100 * shown:.1f} %"
