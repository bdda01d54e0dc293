"""The ensemble's misclassified pages, taken from its members' galleries, since the data may be elsewhere.

A weighted mean errs only where at least one member errs, so nearly every page is in one of them; a gallery holds the 60
most confident mistakes of its run.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from munseo.ensembles.alignment import Aligned
from munseo.evaluation.gallery import MAX_PAGES
from munseo.run import RunFolder
from munseo.run.atomic import write_json


def copy_gallery(run: RunFolder, aligned: Aligned, probabilities: np.ndarray) -> None:
    """Write ``gallery/`` as of any run: the most confident mistakes first.

    Args:
        run: The ensemble's folder.
        aligned: The members and their common pages.
        probabilities: Of the ensemble, float (num_pages, num_classes).
    """
    pictures: dict[str, Path] = {}
    for member in aligned.members:
        pictures = _pictures(member.run) | pictures
    run.gallery_dir.mkdir()
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != aligned.labels)
    shown = [place for place in wrong[np.argsort(-confidence[wrong], kind="stable")] if aligned.ids[place] in pictures]
    entries = []
    for number, place in enumerate(shown[:MAX_PAGES]):
        file = run.gallery_dir / f"{number:03}.jpg"
        shutil.copyfile(pictures[aligned.ids[place]], file)
        entries.append(
            {
                "file": file.name,
                "id": aligned.ids[place],
                "true": aligned.class_names[aligned.labels[place]],
                "predicted": aligned.class_names[predicted[place]],
                "confidence": float(confidence[place]),
                "p_true": float(probabilities[place, aligned.labels[place]]),
            }
        )
    write_json(run.gallery_dir / "pages.json", entries)


def _pictures(run: RunFolder) -> dict[str, Path]:
    """ID to small picture; a file name that leads out of the gallery is not followed."""
    listing = run.gallery_dir / "pages.json"
    if not listing.is_file():
        return {}
    entries = json.loads(listing.read_text(encoding="utf-8"))
    files = {str(entry["id"]): run.gallery_dir / Path(str(entry["file"])).name for entry in entries}
    return {page_id: file for page_id, file in files.items() if file.is_file()}
