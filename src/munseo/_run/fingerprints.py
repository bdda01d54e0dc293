"""Whether a run folder is still what its training left: said before its model answers.

Fingerprints find what was swapped, cut or edited by mistake. They are no signature: who writes the whole folder anew
writes them too.
"""

from __future__ import annotations

import hashlib

from munseo._errors import UserError
from munseo._run.manifest import is_edited
from munseo._run.run_folder import RunFolder

FILES = ("config.yaml", "model.json", "weights.safetensors", "stack.safetensors", "results.json")
"""What decides how a page is answered (``results.json`` holds the temperature and the second look). Reports, tables and
pictures may be made anew at any time."""


def fingerprints(run: RunFolder) -> dict[str, str]:
    """SHA-256 of the files that decide, for the manifest's entry ``fingerprints``; those that there are."""
    return {name: _sha256(run, name) for name in FILES if (run.path / name).is_file()}


def check_fingerprints(run: RunFolder) -> None:
    """Make sure that a run, its folds and its members are what was written when they ended.

    Runs of earlier versions, and those that have not ended, have no fingerprints; of them nothing is said.

    Raises:
        UserError: Files are missing or not those, or the manifest was edited: all of them.
    """
    parts = [run, *run.folds]
    for member in sorted((run.path / "members").glob("*/manifest.json")):
        parts += [RunFolder(member.parent), *RunFolder(member.parent).folds]
    problems = [f"{part.name}/{problem}" for part in parts for problem in _problems(part)]
    if problems:
        raise UserError(
            f"{run.path}: not what was written when the run ended. Restore the files from a copy, or train again; if "
            "a change is meant, delete the entries fingerprints and sha256 of that manifest.json.",
            problems,
        )


def _problems(run: RunFolder) -> list[str]:
    manifest = run.read_manifest()
    problems = []
    if is_edited(manifest):
        problems.append("manifest.json: was edited")
    known = manifest.get("fingerprints")
    for name, digest in known.items() if isinstance(known, dict) else ():
        if name not in FILES:
            problems.append(f"manifest.json: has a fingerprint of {name[:100]!r}, which Munseo takes none of")
        elif not (run.path / name).is_file():
            problems.append(f"{name}: missing")
        elif _sha256(run, name) != digest:
            problems.append(f"{name}: is not the file of then")
    return problems


def _sha256(run: RunFolder, name: str) -> str:
    with (run.path / name).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
