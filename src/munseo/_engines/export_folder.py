"""The folders of exports in a run: written hidden, complete with a sidecar, and placed all together."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any
from uuid import uuid4

from munseo._engines.batch_bits import threads_with_same_bits
from munseo._engines.engine import INT8, engine_of
from munseo._engines.sidecar import FORMAT, SIDECAR, describe
from munseo._model import ModelCard
from munseo._model.pretrained import file_sha256
from munseo._run import RunFolder
from munseo._run.atomic import exchange, write_json

ABANDONED_S = 3600
"""Age from which a hidden folder counts as that of a process that was killed, in seconds."""
_REPLACED = ".old.draft"
"""The ending of the hidden folder of an export that is being replaced."""
_TRIES, _PAUSE_S = 20, 0.05
"""How often, and after how many seconds, a reader looks again for an export that is being replaced."""


@contextmanager
def drafts(models: Sequence[RunFolder], export: str) -> Iterator[list[Path]]:
    """Give an empty hidden folder for an export of each model; what ``place`` has not moved is removed at the end.

    Raises:
        OSError: A run folder cannot be written.
    """
    folders = [model.export_dir(f".{export}.{uuid4().hex}.draft") for model in models]
    try:
        for folder in folders:
            _remove_abandoned(folder.parent)
            folder.mkdir(parents=True)
        yield folders
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # it is not empty, or another process has just removed it
                folder.parent.rmdir()


def _remove_abandoned(exports: Path) -> None:
    for folder in exports.glob(".*.draft"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > ABANDONED_S:
                shutil.rmtree(folder, ignore_errors=True)


def write_sidecar(draft: Path, run: RunFolder, card: ModelCard, export: str, checks: dict[str, Any]) -> None:
    """Write the sidecar of the graph in a draft: its description, its origin, and how good it is (``checks``)."""
    values = {
        "format": FORMAT,
        **describe(card),
        "backend": export.removesuffix(INT8),
        "precision": "int8" if export.endswith(INT8) else "fp32",
        "weights_sha256": file_sha256(run.weights_file),
        "files": {file.name: file_sha256(file) for file in sorted(draft.iterdir())},
        "same_bits_with_threads": _threads(draft, card, export),
        **checks,
        "versions": dict(_versions("munseo", "torch", "onnx", "openvino")),
    }
    write_json(draft / SIDECAR, values)


def _threads(draft: Path, card: ModelCard, export: str) -> list[int] | None:
    """Return with which numbers of threads a page's bits do not depend on its batch; None: with any."""
    engine = engine_of(export)
    if engine.computes_one_by_one:
        return None
    return threads_with_same_bits(lambda number: engine.open(draft, number).eval(), card.image_size)


def _versions(*packages: str) -> Iterator[tuple[str, str]]:
    for package in packages:
        with suppress(metadata.PackageNotFoundError):
            yield package, metadata.version(package)


def place(models: Sequence[RunFolder], export: str, folders: Sequence[Path]) -> list[Path]:
    """Rename finished drafts to the folders of the export, which may hold older ones, and return these folders.

    An older export trades its name with the draft, so that there is one at any time. Where the file system cannot do
    that, it is renamed first, and ``has_export`` waits for the new one.
    """
    placed = [model.export_dir(export) for model in models]
    for folder, draft in zip(placed, folders, strict=True):
        if folder.is_dir() and exchange(draft, folder):
            shutil.rmtree(draft, ignore_errors=True)
            continue
        old = draft.with_suffix(_REPLACED)
        with suppress(FileNotFoundError):
            folder.rename(old)
        draft.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    return placed


def has_export(model: RunFolder, export: str) -> bool:
    """Return whether a run or fold has an export; one that another process is replacing at this moment counts."""
    folder = model.export_dir(export)
    for _ in range(_TRIES):
        if folder.is_dir():
            return True
        if not any(folder.parent.glob(f".{export}.*{_REPLACED}")):
            break
        time.sleep(_PAUSE_S)
    return folder.is_dir()  # it may have been placed between the two looks
