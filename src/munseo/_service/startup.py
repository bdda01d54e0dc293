"""Checks and preparations before the first request: packages, a safe address, and a loaded predictor."""

from __future__ import annotations

import ipaddress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from munseo._console import quietly
from munseo._errors import UserError
from munseo._packages import missing_packages

if TYPE_CHECKING:
    from munseo._prediction import PredictOptions, Predictor
    from munseo._run import RunFolder
    from munseo._service.admission import Limits

TOKEN_VARIABLE = "MUNSEO_TOKEN"
FEWEST_CHARACTERS = 16
"""Smallest length of a token; shorter ones can be guessed."""
PACKAGES = {
    "fastapi": "fastapi",
    "uvicorn": "uvicorn",
    "python_multipart": "python-multipart",
    "prometheus_client": "prometheus-client",
}
"""Modules that the service needs, and the packages that have them."""


def need_packages(command: str = "serve") -> None:
    """Raise ``UserError`` where a package of the extra is missing."""
    missing = [PACKAGES[module] for module in missing_packages(PACKAGES)]
    if missing:
        raise UserError(f"{command}: {', '.join(missing)} is not installed; pip install 'munseo[serve]'.")


def check_access(host: str, token: str | None, open_to_all: bool) -> None:
    """Raise ``UserError`` for a token that can be guessed, and for a host that others reach without one."""
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise UserError(
            "token: has characters that a header cannot carry; take letters, digits and punctuation of ASCII, without "
            "spaces, such as those of: python -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    if token is not None and len(token) < FEWEST_CHARACTERS:
        raise UserError(
            f"token: has {len(token)} characters; take {FEWEST_CHARACTERS} or more, such as those of: "
            "python -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    if token is None and not open_to_all and not _is_loopback(host):
        raise UserError(
            f"host: at {host} other machines reach this service. Set {TOKEN_VARIABLE}, or add --open if everyone there "
            "may use it."
        )


def loopback_names(host: str) -> tuple[str, ...]:
    """Return the names of a service that only this machine reaches; none where it is open to others."""
    return ("localhost", "127.0.0.1", "::1") if _is_loopback(host) else ()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_predictor(run: RunFolder, options: PredictOptions) -> Predictor:
    """Load a run and predict once with it, so that the first request finds everything compiled and chosen."""
    import cv2
    import numpy as np

    from munseo._prediction import Predictor

    # Files are decoded in one thread a core already; OpenCV's own threads would only compete with them and the model.
    cv2.setNumThreads(1)
    predictor = Predictor.load(run, options)
    blank = predictor.prepare(np.full((64, 64, 3), 255, np.uint8))
    with quietly():
        predictor.probabilities([blank] * predictor.batch_size)
        predictor.probabilities([blank])
    return predictor


def model_card(predictor: Predictor, limits: Limits) -> dict[str, Any]:
    """Return the answer to ``GET /v1/model``: classes, preprocessing, validation, fingerprints and limits."""
    from munseo._prediction.combination import all_weights_sha256

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
        "is_calibrated": predictor.is_calibrated,
        "needs_person_below": None if predictor.threshold is None else predictor.threshold.confidence,
        "validation": judged,
        "fingerprints": {
            "weights_sha256": all_weights_sha256(run),
            "manifest_sha256": run.read_manifest().get("sha256"),
        },
        "backend": predictor.backend,
        "views": [list(loaded.views) for loaded in predictor.runs],
        "second_look": predictor.second_look is not None,
        "text": predictor.uses_text,
        "limits": asdict(limits),
    }
