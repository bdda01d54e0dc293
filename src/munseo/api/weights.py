"""Which weights answer for a run, in one number."""

from __future__ import annotations

import hashlib

from munseo._prediction.combination import is_ensemble, member_folders
from munseo._run import RunFolder


def weights_sha256(folder: RunFolder) -> str:
    """SHA-256 over all weights that answer: of every member and every fold."""
    total = hashlib.sha256()
    for member in member_folders(folder) if is_ensemble(folder) else [folder]:
        for model in member.folds or [member]:
            with model.weights_file.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()
