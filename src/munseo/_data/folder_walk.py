"""The files of folders and patterns in a fixed order, without holding an object for each of them."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

from munseo._data.container.archives import is_archive, list_archive
from munseo._data.formats import HEAD_BYTES
from munseo._data.image_error import ImageProblem, ProblemCode
from munseo._data.image_finder import MAX_DEPTH, is_hidden, lies_within, nfc
from munseo._data.left_out import LeftOut, Reason, reason_to_leave_out
from munseo._data.source import Source, as_id

_TOO_DEEP = ImageProblem(ProblemCode.TOO_DEEP, most=MAX_DEPTH)


@dataclass(frozen=True)
class FolderWalk:
    """How folders are walked.

    Attributes:
        bound: Links that leave this folder are problems.
        left_out: Counts the files that are no pages.
        follow_links: Whether all links are followed, wherever they lead, and also those to folders. Otherwise links to
            folders are left out, since they may be circular.
    """

    bound: Path
    left_out: LeftOut = field(default_factory=LeftOut)
    follow_links: bool = False

    def sources(self, folder: str, prefix: str) -> Iterator[Source]:
        """Yield the pages and the members of archives below a folder, in the order of their composed names.

        Only the names of each open folder are held in memory.

        Args:
            folder: Where to look, including subfolders.
            prefix: The start of the IDs: "", or the ID of the folder with a slash.
        """
        yield from self._walk(folder, prefix, ())

    def _walk(self, folder: str, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[Source]:
        if prefix.count("/") > MAX_DEPTH:
            yield Source(as_id(prefix.rstrip("/")), folder, None, _TOO_DEEP)
            return
        try:
            names, kinds = _names_of(folder)
            here = os.stat(folder)  # noqa: PTH116
        except OSError as error:
            yield Source(as_id(prefix.rstrip("/") or folder), folder, None, _not_listed(error))
            return
        if (here.st_dev, here.st_ino) in above:  # a link that is followed leads to a folder above itself
            self.left_out.add(as_id(prefix.rstrip("/")), Reason.LINKED_FOLDER)
            return
        above = (*above, (here.st_dev, here.st_ino))
        for name in names:
            path, page_id = f"{folder}/{name}", as_id(prefix + name)
            kind = kinds.get(name, "file")
            if kind == "link":
                kind = self._kind_of_link(path)
            if kind == "folder":
                yield from self._walk(path, f"{prefix}{name}/", above)
            elif kind == "link out":
                yield Source(page_id, path, None, ImageProblem(ProblemCode.LINK_LEAVES_FOLDER))
            elif kind == "linked folder":
                self.left_out.add(page_id, Reason.LINKED_FOLDER)
            elif kind == "file" and is_archive(name):
                yield from list_archive(path, page_id, self.left_out)
            else:
                yield from self._file(path, page_id, kind == "file")

    def _kind_of_link(self, path: str) -> str:
        if not self.follow_links and not lies_within(Path(path), self.bound):
            return "link out"
        if Path(path).is_dir():
            return "folder" if self.follow_links else "linked folder"
        return "file" if Path(path).is_file() else "other"

    def _file(self, path: str, page_id: str, is_file: bool) -> Iterator[Source]:
        reason = reason_to_leave_out(path, lambda: _head(path) if is_file else b"")
        if reason is not None:
            self.left_out.add(page_id, reason)
        else:
            yield Source(page_id, path, None, None if is_file else ImageProblem(ProblemCode.NOT_A_FILE))

    def pattern(self, pattern: str) -> Iterator[Source]:
        """Yield what a pattern with ``*``, ``?``, ``[…]`` and ``**`` matches, sorted; IDs are the paths as found."""
        found = {(path, str(problem or "")): problem for path, problem in _found(pattern, "")}
        for (path, _), problem in sorted(found.items(), key=itemgetter(0)):
            if problem:
                yield Source(as_id(path), path, None, problem)
            elif Path(path).is_dir():
                if "**" not in pattern:
                    top = path.rstrip("/")
                    yield from FolderWalk(Path(path), self.left_out, self.follow_links).sources(top, f"{top}/")
            elif is_archive(path):
                yield from list_archive(path, as_id(path), self.left_out)
            else:
                yield from self._file(path, as_id(path), is_file=True)


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read(HEAD_BYTES)
    except OSError:
        return b""


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
