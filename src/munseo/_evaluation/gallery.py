"""Small copies of the misclassified pages, so that a report needs no data."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from munseo._data import Page, decode, letterbox
from munseo._run import RunFolder
from munseo._run.atomic import replacing, write_json

MAX_PAGES = 60
SIZE_PX = 256


def save_gallery(run: RunFolder, pages: Sequence[Page], probabilities: np.ndarray, class_names: Sequence[str]) -> None:
    """Write ``gallery/``: the most confident mistakes first, and ``pages.json`` that says what they are."""
    run.gallery_dir.mkdir(exist_ok=True)
    labels = np.array([page.label for page in pages])
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    entries = []
    for number, index in enumerate(wrong[np.argsort(-confidence[wrong], kind="stable")][:MAX_PAGES]):
        page, file = pages[index], run.gallery_dir / f"{number:03}.jpg"
        picture = letterbox(decode(page.path), SIZE_PX)
        _, encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 80])
        with replacing(file) as beside:
            beside.write_bytes(encoded.tobytes())
        entries.append(
            {
                "file": file.name,
                "id": page.id,
                "true": class_names[labels[index]],
                "predicted": class_names[predicted[index]],
                "confidence": float(confidence[index]),
                "p_true": float(probabilities[index, labels[index]]),
            }
        )
    write_json(run.gallery_dir / "pages.json", entries)
