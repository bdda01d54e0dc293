"""The files of folders and patterns in a fixed order, without holding an object for each of them."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

from munseo._data.formats import IMAGE_EXTENSIONS
from munseo._data.image_error import ImageProblem, ProblemCode
from munseo._data.image_finder import MAX_DEPTH, is_hidden, lies_within, nfc
from munseo._data.stream.archives import is_archive, list_archive
from munseo._data.stream.source import Source, as_id

_TOO_DEEP = ImageProblem(ProblemCode.TOO_DEEP, most=MAX_DEPTH)


@dataclass
class LeftOut:
    """Counts skipped files that are not images, and remembers the first names."""

    count: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Count one file."""
        self.count += 1
        if len(self.names) < 5:
            self.names.append(name)

    @property
    def notes(self) -> tuple[str, ...]:
        """The note about the skipped files, if there are any."""
        return (f"left out, as no image files: {', '.join(self.names)} ({self.count})",) if self.count else ()


def walk_folder(folder: str, prefix: str, bound: Path, left_out: LeftOut) -> Iterator[Source]:
    """Yield the images and the members of archives below a folder, in the order of their composed names.

    Only the names of each open folder are held in memory.

    Args:
        folder: Where to look, including subfolders.
        prefix: The start of the IDs: "", or the ID of the folder with a slash.
        bound: Links that leave this folder are problems.
        left_out: Counts the files that are not images, and links to folders, which could be circular.
    """
    if prefix.count("/") > MAX_DEPTH:
        yield Source(as_id(prefix.rstrip("/")), folder, None, _TOO_DEEP)
        return
    try:
        names, kinds = _names_of(folder)
    except OSError as error:
        yield Source(as_id(prefix.rstrip("/") or folder), folder, None, _not_listed(error))
        return
    for name in names:
        path, page_id = f"{folder}/{name}", as_id(prefix + name)
        kind = kinds.get(name, "file")
        if kind == "link":
            if not lies_within(Path(path), bound):
                yield Source(page_id, path, None, ImageProblem(ProblemCode.LINK_LEAVES_FOLDER))
                continue
            kind = "linked folder" if Path(path).is_dir() else "file" if Path(path).is_file() else "other"
        if kind == "folder":
            yield from walk_folder(path, f"{prefix}{name}/", bound, left_out)
        elif kind == "file" and is_archive(name):
            yield from list_archive(path, page_id, left_out.add)
        elif kind == "linked folder" or not _is_image(name):
            left_out.add(page_id)
        elif kind == "file":
            yield Source(page_id, path)
        else:
            yield Source(page_id, path, None, ImageProblem(ProblemCode.NOT_A_FILE))


def walk_pattern(pattern: str, left_out: LeftOut) -> Iterator[Source]:
    """Yield what a pattern with ``*``, ``?``, ``[…]`` and ``**`` matches, sorted; IDs are the paths as found."""
    found = {(path, str(problem or "")): problem for path, problem in _found(pattern, "")}
    for (path, _), problem in sorted(found.items(), key=itemgetter(0)):
        if problem:
            yield Source(as_id(path), path, None, problem)
        elif Path(path).is_dir():
            if "**" not in pattern:
                yield from walk_folder(path.rstrip("/"), f"{path.rstrip('/')}/", Path(path), left_out)
        elif is_archive(path):
            yield from list_archive(path, as_id(path), left_out.add)
        elif _is_image(path):
            yield Source(as_id(path), path)
        else:
            left_out.add(as_id(path))


def _found(pattern: str, folder: str) -> Iterator[tuple[str, ImageProblem | None]]:
    """Yield paths that match below a folder (``""``: the working folder), and unreadable folders with the reason."""
    parts = pattern.replace(os.sep, "/").split("/")
    if "**" not in parts:
        yield from ((path, None) for path in _glob(pattern, folder))
        return
    index = parts.index("**")
    top, rest = "/".join(parts[:index]), "/".join(parts[index + 1 :]) or "*"
    for start in [folder] if index == 0 else _glob(top or "/", folder):
        for below, problem in _folders(start):
            yield from [(below, problem)] if problem else _found(rest, below)


def _glob(pattern: str, folder: str) -> list[str]:
    found = glob.glob(pattern, root_dir=folder or None)  # noqa: PTH207 — the pattern may be absolute
    return [os.path.join(folder, path) for path in found]  # noqa: PTH118


def _folders(folder: str) -> Iterator[tuple[str, ImageProblem | None]]:
    """Yield a folder and all below it, but follow no links: for ``glob``, two links to their folder are 2^40 paths."""
    waiting = [(folder, 0)]
    while waiting:
        path, depth = waiting.pop()
        if depth > MAX_DEPTH:
            yield path, _TOO_DEEP
            continue
        try:
            with os.scandir(path or ".") as entries:
                names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except NotADirectoryError:
            continue
        except OSError as error:
            yield path, _not_listed(error)
            continue
        waiting += [(os.path.join(path, name), depth + 1) for name in names if not is_hidden(name)]  # noqa: PTH118
        yield path, None


def _not_listed(error: OSError) -> ImageProblem:
    return ImageProblem(ProblemCode.NOT_LISTED, error=error.strerror)


def _names_of(folder: str) -> tuple[list[str], dict[str, str]]:
    """Return the sorted names, and the kind of those that are not plain files."""
    names: list[str] = []
    kinds: dict[str, str] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_hidden(entry.name):
                continue
            names.append(entry.name)
            if entry.is_symlink():
                kinds[entry.name] = "link"
            elif entry.is_dir(follow_symlinks=False):
                kinds[entry.name] = "folder"
            elif not entry.is_file(follow_symlinks=False):
                kinds[entry.name] = "other"
    names.sort()
    names.sort(key=nfc)
    return names, kinds


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_EXTENSIONS  # noqa: PTH122 — a Path costs ten times as much
