"""``munseo serve``."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from munseo._console import quietly, say
from munseo._errors import UserError
from munseo._prediction.combination import all_weights_sha256
from munseo._prediction.loader import DecodedPage
from munseo._prediction.predictor import PredictOptions, Predictor
from munseo._run import RunFolder, open_run
from munseo._service.admission import Limits
from munseo._service.served_model import ServedModel

TOKEN_VARIABLE = "MUNSEO_TOKEN"
FEWEST_CHARACTERS = 16
"""Of a token; shorter ones are guessed."""


def serve(
    run: Path | str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    open_to_all: bool = False,
    backend: str = "auto",
    device: str | None = None,
    tta: bool | None = None,
    second_look: bool | None = None,
    abstain_below: float | None = None,
    target_precision: float | None = None,
    limits: Limits | None = None,
    quiet: bool = False,
) -> None:
    """Answer predictions over HTTP until SIGTERM or Ctrl-C; what was accepted by then is answered.

    Args:
        run: The run folder; k-fold runs and ensembles answer as in ``munseo predict``.
        host: Address to listen at.
        port: Port to listen at.
        token: What every request has to carry as ``Authorization: Bearer``; None: the variable ``MUNSEO_TOKEN``.
        open_to_all: Allows another host than this machine without a token.
        backend: As in ``predict``; ``auto`` takes the fastest export that is there.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``; None: the run's own.
        tta: Average the configured views of a page; None: as the run was judged.
        second_look: Look again at uncertain pages; None: as configured.
        abstain_below: Confidence under which a page needs a person.
        target_precision: The same, with the threshold that validation promises this share of right answers for.
        limits: Bounds of a request, and of all together.
        quiet: Print nothing but errors.

    Raises:
        UserError: No run, the port is taken, a host that others reach without a token, or a package is missing.
    """
    limits = limits or Limits()
    token = token if token is not None else os.environ.get(TOKEN_VARIABLE) or None
    check_door(host, token, open_to_all)
    need_packages()
    from munseo._service.server import listen
    from munseo._service.server import run as run_server
    from munseo._service.service import build

    try:
        door = listen(host, port)
    except OSError as error:
        raise UserError(f"{host}:{port}: cannot be listened at ({error.strerror}); choose another --port.") from None
    with closing(door), quietly(quiet):
        options = PredictOptions(tta, second_look, abstain_below, target_precision, device, backend)
        model = load_served(open_run(run), limits, options)
        say(f"{model.card['run']}: http://{f'[{host}]' if ':' in host else host}:{port}/v1/predict")
        run_server(build(model, limits, token, loopback_names(host)), door, limits)


def load_served(run: RunFolder, limits: Limits, options: PredictOptions) -> ServedModel:
    """Load a run and predict once with it, so that the first request finds everything compiled and chosen."""
    predictor = Predictor.load(run, options)

    def answer(pages: Sequence[DecodedPage]) -> np.ndarray:
        with quietly():
            return predictor.probabilities(pages)

    blank = predictor.prepare(np.full((64, 64, 3), 255, np.uint8))
    answer([blank] * predictor.batch_size)
    answer([blank])
    card, threshold = predictor.card, predictor.threshold
    return ServedModel(
        predictor.prepare,
        answer,
        predictor.batch_size,
        card.class_names,
        card.class_targets,
        None if threshold is None else threshold.confidence,
        {**_card(predictor), "limits": asdict(limits)},
    )


def _card(predictor: Predictor) -> dict[str, Any]:
    run, card = predictor.folder, predictor.card
    results = run.read_results("val", "shifted")
    judged = {
        name: scores.model_dump(include={"num_pages", "macro_f1", "macro_f1_interval", "accuracy"})
        for name, scores in (("val", results.val), ("shifted", results.shifted))
        if scores is not None
    }
    models = [classifier.card for loaded in predictor.runs for classifier in loaded.classifiers]
    return {
        "run": run.name,
        "models": sorted({model.model_name for model in models}),
        "num_models": len(models),
        "classes": [
            {"target": target, "name": name} for target, name in zip(card.class_targets, card.class_names, strict=True)
        ],
        "preprocessing": [
            {
                "image_size": size,
                "resize": "longest side to image_size, padded with white to a square",
                "orientation": orientation,
            }
            for size, orientation in predictor.preprocessings
        ],
        "temperature": predictor.temperature,
        "needs_person_below": None if predictor.threshold is None else predictor.threshold.confidence,
        "validation": judged,
        "fingerprints": {
            "weights_sha256": all_weights_sha256(run),
            "manifest_sha256": run.read_manifest().get("sha256"),
        },
        "backend": predictor.options.backend,
        "views": [list(loaded.views) for loaded in predictor.runs],
        "second_look": predictor.second_look is not None,
    }


def check_door(host: str, token: str | None, open_to_all: bool) -> None:
    """Raise ``UserError`` for a token that is guessed, and for a host that others reach without one."""
    if token is not None and len(token) < FEWEST_CHARACTERS:
        raise UserError(
            f"token: has {len(token)} characters; take {FEWEST_CHARACTERS} or more, such as those of: "
            "python -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    if token is None and not open_to_all and not _is_loopback(host):
        raise UserError(
            f"host: at {host} other machines reach this service. Set {TOKEN_VARIABLE}, or say --open if everyone there "
            "may use it."
        )


def loopback_names(host: str) -> tuple[str, ...]:
    """What a page or service at this machine alone may be called; nothing where it is open to others."""
    return ("localhost", "127.0.0.1", "::1") if _is_loopback(host) else ()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def need_packages(command: str = "serve") -> None:
    """Raise ``UserError`` where a package of the extra is missing."""
    from importlib.util import find_spec

    wanted = {"fastapi": "fastapi", "uvicorn": "uvicorn", "python_multipart": "python-multipart",
              "prometheus_client": "prometheus-client"}  # fmt: skip
    missing = [package for module, package in wanted.items() if find_spec(module) is None]
    if missing:
        raise UserError(f"{command}: {', '.join(missing)} is not installed; pip install 'munseo[serve]'.")
