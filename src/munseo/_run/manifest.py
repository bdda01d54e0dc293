"""The manifest: what it records when a run starts (name, time, machine, versions), and its seal."""

from __future__ import annotations

import hashlib
import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from munseo._cores import num_cores

PACKAGES = ("munseo", "torch", "torchvision", "timm", "pytorch-lightning", "opencv-python-headless", "numpy", "pillow")
"""The packages whose versions are recorded."""


def identity(name: str, started: datetime, command: Sequence[str]) -> dict[str, Any]:
    """Return identity, versions and machine: the manifest's first entries.

    The first ten digits of the run's name are its ID, and ``command`` has the words that would start it again.
    """
    import psutil

    return {
        "id": name.partition("-")[0],
        "name": name,
        "status": "running",
        "started": started.isoformat(timespec="seconds"),
        "command": shlex.join(command),
        "git_commit": _git_commit(),
        "versions": {"python": platform.python_version(), **{package: _version(package) for package in PACKAGES}},
        "system": {
            "platform": platform.platform(),
            "processor": _processor(),
            "num_cpus": num_cores(),
            "memory_bytes": psutil.virtual_memory().total,
        },
    }


def seal(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest, with values as they are read back from JSON, and ``sha256``, the fingerprint of them all."""
    entries = {key: value for key, value in manifest.items() if key != "sha256"}
    text = json.dumps(entries, sort_keys=True, ensure_ascii=True)
    return {**entries, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def is_edited(manifest: dict[str, Any]) -> bool:
    """Return whether entries differ from those that were sealed; manifests of earlier versions have no seal."""
    return "sha256" in manifest and seal(manifest)["sha256"] != manifest["sha256"]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    """Return the processor's trade name; Linux keeps it where ``platform`` does not look."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git_commit() -> str | None:
    """Return the commit of the user's working folder, with ``+changes`` if files differ from it."""
    try:
        commit = _git("rev-parse", "HEAD")
        return f"{commit}+changes" if commit and _git("status", "--porcelain") else commit
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*words: str) -> str | None:
    done = subprocess.run(["git", *words], capture_output=True, text=True, timeout=10, check=False)
    return done.stdout.strip() or None if done.returncode == 0 else None


def command_words() -> list[str]:
    """Return the command of this process, with the program's name instead of its path."""
    program = Path(sys.argv[0])
    name = "munseo" if program.name == "__main__.py" else program.name
    return [name, *sys.argv[1:]]
