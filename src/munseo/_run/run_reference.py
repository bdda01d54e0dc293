"""Short names of runs: the ten digits that a name begins with, any other beginning that only one run has, ``latest``.

Names of runs have ninety characters, of which the first ten say in which minute the run began.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from munseo._console import say
from munseo._errors import UserError

LATEST = "latest"
"""The reference to the run that began last."""
RUNS = Path("runs")
"""Where runs are by default; a reference without a folder is looked up here, then in the current folder."""
LONGEST_ID = 12
"""The most characters of the short name of a run that a person named, unless more are needed to tell it apart."""

_MINUTE = re.compile(r"\d{10}(?=-|$)")
_NUMBERED = re.compile(r"(\d{10})\.(\d+)")


def is_run(path: Path) -> bool:
    """Return whether a folder holds a run: it has a configuration or a manifest, or at least a run's name."""
    has_files = any((path / name).is_file() for name in ("config.yaml", "manifest.json"))
    return path.is_dir() and (has_files or re.match(r"\d{10}-", path.name) is not None)


def short_ids(names: Sequence[str]) -> dict[str, str]:
    """Return the short name of each run of one folder, which is accepted wherever a run is.

    It is the ten digits; where several runs began in this minute, ``.1``, ``.2`` … follow in the order of their names.
    A run whose name a person chose has the beginning of that name.
    """
    minutes = {name: match[0] for name in names if (match := _MINUTE.match(name))}
    counts, numbers, ids = Counter(minutes.values()), Counter[str](), {}
    for name in sorted(names):
        minute = minutes.get(name)
        if minute is None:
            ids[name] = _unique_start(name, names)
            continue
        numbers[minute] += 1
        ids[name] = minute if counts[minute] == 1 else f"{minute}.{numbers[minute]}"
    return ids


def find_run(reference: Path | str) -> Path | None:
    """Return the folder of the run that a path means which does not exist as it stands; None if it means none.

    The first part of the path that does not exist is looked up among the runs of the folder before it, as a name, the
    only beginning of one, a short name or ``latest``; what follows, such as ``fold0``, is kept.

    Raises:
        UserError: Several runs begin so.
    """
    folders, word, rest = _missing_part(Path(reference))
    if word is None:
        return None
    runs = {path.name: path for folder in reversed(folders) for path in _runs_in(folder)}
    if word == LATEST:
        if not runs:
            return None
        found = max(runs.values(), key=lambda path: (_began(path), path.name))
        say(f"{reference}: {found.joinpath(*rest)}")
        return found.joinpath(*rest)
    if word in runs:
        return runs[word].joinpath(*rest)
    ids = {short: name for name, short in short_ids(list(runs)).items()}
    if word in ids:
        return runs[ids[word]].joinpath(*rest)
    numbered = _NUMBERED.fullmatch(word)
    start = numbered[1] if numbered and int(numbered[2]) == 1 else word  # the other runs of the minute were deleted
    matches = sorted(name for name in runs if name.startswith(start))
    if len(matches) > 1:
        lines = [f"{short}: {name}" for short, name in sorted(ids.items()) if name in matches]
        raise UserError(f"{reference}: {len(matches)} runs begin so; give more of the name, or one of these:", lines)
    return runs[matches[0]].joinpath(*rest) if matches else None


def _missing_part(path: Path) -> tuple[list[Path], str | None, tuple[str, ...]]:
    """Return where the first missing part of a path is looked up, that part, and the parts after it."""
    folder = Path(path.anchor)
    parts = path.parts[1:] if path.anchor else path.parts
    for index, part in enumerate(parts):
        if not (folder / part).exists():
            folders = [RUNS, Path()] if folder == Path() else [folder]
            return folders, part, parts[index + 1 :]
        folder = folder / part
    return [], None, ()


def _runs_in(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in sorted(folder.iterdir()) if path.name[0] != "." and is_run(path))


def _began(run: Path) -> float:
    """Return when a run began, in seconds: by its manifest, else by its name, else by its folder."""
    try:
        return datetime.fromisoformat(
            json.loads((run / "manifest.json").read_text(encoding="utf-8"))["started"]
        ).timestamp()
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        pass
    try:
        return datetime.strptime(run.name[:10], "%y%m%d%H%M").astimezone().timestamp()
    except ValueError:
        return run.stat().st_mtime


def _unique_start(name: str, names: Sequence[str]) -> str:
    """Return the beginning of a name, as long as is needed to tell it from the others."""
    for length in range(LONGEST_ID, len(name)):
        start = name[:length]
        if sum(other.startswith(start) for other in names) == 1:
            return start
    return name
