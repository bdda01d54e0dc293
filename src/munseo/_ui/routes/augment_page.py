"""The augmentation page: policies and recipes with sliders, applied to a page at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlencode

import numpy as np
import yaml
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse

from munseo._augment import BUILT_IN, DAMAGES, Recipe, apply_recipe, build_policy
from munseo._augment.parameters import EdaParameters, MorphologyParameters
from munseo._data import decode, letterbox
from munseo._errors import UserError
from munseo._jpeg import encode_jpeg
from munseo._randomness import generator
from munseo._service.admission import Limits
from munseo._service.errors import Refusal
from munseo._service.uploads import files_of, read_body
from munseo._shift.recipe_file import read_recipe
from munseo._ui.page_templates import page
from munseo._ui.site import NotHere, ResultCache, Site

NUM_DRAWS = 8
"""Number of augmented versions that are shown."""
SIZE_PX = 320
"""Side of the page that is augmented, px."""
POLICIES: dict[str, type] = {"eda": EdaParameters, "dilation": MorphologyParameters, "erosion": MorphologyParameters}
BOUNDS: dict[str, tuple[float, float, float]] = {
    "shift": (-0.3, 0.3, 0.01), "scale": (0.5, 1.5, 0.01), "rotation_deg": (-180, 180, 1),
    "blur_sigma_px": (0, 6, 0.1), "noise_sigma": (0, 60, 1), "brightness": (0.2, 2, 0.05), "contrast": (0.2, 2, 0.05),
    "saturation": (0, 2, 0.05), "hue_deg": (-90, 90, 1), "rgb_shift": (-80, 80, 1), "gain": (0.2, 2, 0.05),
    "offset": (-100, 100, 1), "kernel_px": (2, 15, 1),
}  # fmt: skip
"""Lowest value, highest value and step of policies' sliders; all others go from 0 to 1."""
LIMITS = Limits(files=1, pages=1)


@dataclass(frozen=True)
class Slider:
    """A slider: the name of its field, its label (a key of the texts, or the parameter's name), and its values."""

    name: str
    label: str
    value: float
    low: float = 0.0
    high: float = 1.0
    step: float = 0.01


@dataclass(frozen=True)
class AugmentSetting:
    """An augmentation of pages (S, S, 3) uint8, the sliders of each damage or parameter, and its YAML file."""

    groups: list[tuple[str, list[Slider]]]
    apply: Callable[[np.ndarray, np.random.Generator], np.ndarray]
    content: str
    file: str


def router(site: Site) -> APIRouter:
    """Return the routes of ``/augment``."""
    routes = APIRouter(prefix="/augment")
    uploaded = ResultCache(8)

    def base(key: str) -> np.ndarray:
        if key:
            return uploaded.get(key, _gone)
        return uploaded.get("", lambda: letterbox(_first(site), SIZE_PX))

    @routes.get("", response_class=HTMLResponse)
    def augment(request: Request, what: str = "document", own: str = "", seed: int = 0) -> Any:
        setting = _setting(site, what, request.query_params)
        return page(
            request, "augment.html.j2", "augment", what=what, own=own, seed=seed, groups=setting.groups,
            damages=DAMAGES, recipes=_recipes(site), policies=list(POLICIES), original=encode_jpeg(base(own)),
            drawn=_augmented(setting, base(own), seed),
        )  # fmt: skip

    @routes.get("/preview", response_class=HTMLResponse)
    def preview(request: Request, what: str, own: str = "", seed: int = 0) -> Any:
        setting = _setting(site, what, request.query_params)
        return page(request, "augment_preview.html.j2", "augment", original=encode_jpeg(base(own)),
                    drawn=_augmented(setting, base(own), seed))  # fmt: skip

    @routes.get("/yaml")
    def save(request: Request, what: str) -> Response:
        setting = _setting(site, what, request.query_params)
        head = {"Content-Disposition": f'attachment; filename="{setting.file}"'}
        return Response(setting.content, media_type="application/yaml", headers=head)

    @routes.post("/page")
    async def take(request: Request, what: str = "document") -> Any:
        body = await read_body(request, LIMITS, lambda length: None)
        upload = files_of(request.headers.get("content-type"), body, None, LIMITS)[0]
        if not upload.data:
            raise Refusal(400, request.state.texts("augment.own"))
        pixels = await run_in_threadpool(decode, upload.data, upload.name)
        key = hashlib.sha256(upload.data).hexdigest()[:16]
        uploaded.get(key, lambda: letterbox(pixels, SIZE_PX))
        return RedirectResponse(f"/augment?{urlencode({'what': what, 'own': key})}", status_code=303)

    return routes


def _gone() -> np.ndarray:
    raise NotHere


def _first(site: Site) -> np.ndarray:
    """Return the page to begin with: the first one of the data, else a generated one."""
    try:
        return decode(site.data_pages().pages.train[0].path)
    except (UserError, IndexError):
        from munseo._synth import KINDS

        return KINDS[3].draw(generator(0, "augment"), 2 * SIZE_PX)


def _recipes(site: Site) -> list[str]:
    return [*BUILT_IN, *(run.path.name for run in site.folders() if run.shift_file.is_file())]


def _setting(site: Site, what: str, query: Mapping[str, str]) -> AugmentSetting:
    """Return the sliders of a policy or recipe; values of the request replace its own.

    Raises:
        NotHere: There is no policy or recipe of this name.
        UserError: A value is not allowed.
    """
    if what in POLICIES:
        return _policy(what, query)
    if what in BUILT_IN:
        return _recipe(BUILT_IN[what], query)
    if what in _recipes(site):
        recipe = read_recipe(site.run(what))
        if recipe is not None:
            return _recipe(recipe, query)
    raise NotHere


def _recipe(recipe: Recipe, query: Mapping[str, str]) -> AugmentSetting:
    known = {name: values for name, *values in recipe.damages}
    groups: list[tuple[str, list[Slider]]] = []
    table: dict[str, Any] = {}
    for name in DAMAGES:
        values = known.get(name, (0.0, 0.0, 1.0))
        p, low, high = (_number(query, f"{name}.{key}", value) for key, value in zip("plh", values, strict=True))
        high = max(low, high)
        sliders = [Slider(f"{name}.p", "augment.probability", p)]
        if DAMAGES[name].graded:
            sliders += [Slider(f"{name}.l", "augment.low", low), Slider(f"{name}.h", "augment.high", high)]
        groups.append((name, sliders))
        if p > 0:
            table[name] = {"probability": p, "severity": [low, high]}
    changed = Recipe.from_dict({"name": recipe.name, "damages": table})
    text = yaml.safe_dump(changed.to_dict(), sort_keys=False)
    head = "# munseo train … shift=recipe.yaml augmentation.matched=true\n"
    return AugmentSetting(groups, lambda image, rng: apply_recipe(image, changed, rng), head + text, "recipe.yaml")


def _policy(name: str, query: Mapping[str, str]) -> AugmentSetting:
    groups: list[tuple[str, list[Slider]]] = []
    values: dict[str, Any] = {}
    for field in fields(POLICIES[name]):
        bounds = BOUNDS.get(field.name, (0.0, 1.0, 0.01))
        default: Any = field.default
        if isinstance(default, tuple):
            first = _number(query, f"{field.name}.l", default[0])
            last = max(first, _number(query, f"{field.name}.h", default[1]))
            ends = (("l", "augment.low", first), ("h", "augment.high", last))
            sliders = [Slider(f"{field.name}.{key}", label, value, *bounds) for key, label, value in ends]
            values[field.name] = [first, last]
        else:
            number = _number(query, f"{field.name}.v", default)
            sliders = [Slider(f"{field.name}.v", field.name, number, *bounds)]
            values[field.name] = int(number) if isinstance(default, int) else number
        groups.append((field.name, sliders))
    policy = build_policy(name, values)
    content = yaml.safe_dump({"augmentation": {name: True}, "augmentation_params": {name: values}}, sort_keys=False)
    return AugmentSetting(groups, policy, content, f"{name}.yaml")


def _number(query: Mapping[str, str], key: str, default: float) -> float:
    try:
        number = float(query.get(key, default))
    except ValueError:
        return default
    return round(number, 4) if np.isfinite(number) else default


def _augmented(setting: AugmentSetting, image: np.ndarray, seed: int) -> list[bytes]:
    return [encode_jpeg(setting.apply(image, generator(seed, "augment", number))) for number in range(NUM_DRAWS)]
