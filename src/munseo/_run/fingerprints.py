"""Fingerprints: whether a run folder is still what its training wrote, checked before its model predicts.

Fingerprints find files that were exchanged, truncated or edited by mistake. They are not a signature: whoever writes
the whole folder anew can write them too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from munseo._errors import UserError
from munseo._run.manifest import is_edited
from munseo._run.run_folder import RunFolder

FILES = (
    *("config.yaml", "model.json", "weights.safetensors", "stack.safetensors", "results.json"),
    *("text/vocabulary.json", "text/weights.safetensors", "text/fusion.json"),
)
"""The files that decide a prediction (``results.json`` holds the temperature and the second look). Reports, tables and
pictures may be made again at any time."""


def fingerprints(run: RunFolder) -> dict[str, str]:
    """Return the SHA-256 of those of ``FILES`` that exist, for the manifest's entry ``fingerprints``."""
    return {name: _sha256(run, name) for name in FILES if (run.path / name).is_file()}


def check_fingerprints(run: RunFolder, without: Collection[str] = ()) -> None:
    """Check that a run, its folds and its members are what was written when they ended, but for files ``without``.

    Runs of earlier versions, and those that have not ended, have no fingerprints and pass.

    Raises:
        UserError: Files are missing or changed, or the manifest was edited: all of them are named.
    """
    folders = [run, *run.folds]
    for member in sorted((run.path / "members").glob("*/manifest.json")):
        folders += [RunFolder(member.parent), *RunFolder(member.parent).folds]
    problems = [f"{folder.name}/{problem}" for folder in folders for problem in _problems(folder, without)]
    if problems:
        raise UserError(
            f"{run.path}: not what was written when the run ended. Restore the files from a copy, or train again; if "
            "a change is meant, delete the entries fingerprints and sha256 of that manifest.json.",
            problems,
        )


def _problems(run: RunFolder, without: Collection[str]) -> list[str]:
    manifest = run.read_manifest()
    problems = []
    if is_edited(manifest):
        problems.append("manifest.json: was edited")
    known = manifest.get("fingerprints")
    for name, digest in known.items() if isinstance(known, dict) else ():
        if name not in FILES:
            problems.append(
                f"manifest.json: has a fingerprint of {name[:100]!r}, a file that Munseo does not fingerprint"
            )
        elif name in without:
            continue
        elif not (run.path / name).is_file():
            problems.append(f"{name}: missing")
        elif _sha256(run, name) != digest:
            problems.append(f"{name}: changed since the run ended")
    return problems


def _sha256(run: RunFolder, name: str) -> str:
    with (run.path / name).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
