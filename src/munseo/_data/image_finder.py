"""Image files on the disk, found by the names in tables or listed; never outside their folder."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePath

from munseo._data.formats import IMAGE_EXTENSIONS
from munseo._data.image_error import ImageProblem, ProblemCode, UnreadableError
from munseo._data.page import joined

MAX_DEPTH = 100
"""The deepest nesting of folders that is read; without a limit a walk would end with Python's own RecursionError."""

_SYSTEM_FILES = frozenset(
    # Windows, macOS, Linux
    ("thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information", "__macosx", "icon\r")
    + ("lost+found", "__pycache__")
    # Synology, QNAP
    + ("@eadir", "@tmp", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@sharebin")
    # programs for photos
    + ("picasa.ini", "zbthumbnail.info", "pspbrwse.jbf", "lightroom catalog previews.lrdata")
)
"""Files and folders that systems and programs leave next to people's files, in small letters."""
_NAMED = 3  # the number of likely files that a problem names


def nfc(text: str) -> str:
    """Return a text in Unicode's composed form: macOS writes Hangul decomposed (NFD), other systems composed."""
    return unicodedata.normalize("NFC", text)


def printable(text: str) -> str:
    """Return a file name as valid UTF-8; other bytes are escaped, because no table can hold them."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class ImageFinder:
    """Finds files by name below some folders; the first folder that has a file wins.

    Names are looked up in listings of the folders, so that nothing from a table ever reaches the file system. The
    Unicode form and the case of the extension may differ, and the extension of an image may be left out. An absolute
    path is looked up where it begins with the path of one of the folders.

    Args:
        folders: Where to look, in this order.
        data_dir: Links may lead anywhere in this folder; in a folder outside it they may lead to files of that folder.
        follow_links: Whether links may lead anywhere.
    """

    def __init__(self, folders: Sequence[Path], data_dir: Path, follow_links: bool = False) -> None:
        self._folders = folders
        self._data_dir = data_dir
        self._follow_links = follow_links
        self._listings: dict[Path, _Listing] = {}

    def find(self, name: str) -> Path:
        """Find one file.

        Raises:
            UnreadableError: There is no such file, several files have the name, or it is outside its folder.
        """
        tops, (*parents, last) = self._split(name)
        near: str | None = None
        as_number: list[str] = []
        for top in tops:
            folder, linked = self._descend(top, parents)
            if folder is None:
                continue
            listing = self._listing(folder)
            found = listing.file_named(last)
            if found is None:
                near, as_number = near or listing.near(last), as_number or listing.read_as_number(last)
                continue
            path = joined(folder, found)
            linked = not self._follow_links and (linked or found in listing.links)
            if linked and not (lies_within(path, self._data_dir) or lies_within(path, top)):
                raise UnreadableError(ImageProblem(ProblemCode.LINK_LEAVES_DATA))
            if found not in listing.plain:
                raise UnreadableError(ImageProblem(ProblemCode.NOT_A_FILE))
            return path
        places = ", ".join(f"{folder.name or '.'}/" for folder in self._folders)
        if near is not None:
            raise UnreadableError(ImageProblem(ProblemCode.OTHER_EXTENSION, folders=places, name=near))
        if as_number:
            names = ", ".join(as_number[:_NAMED])
            raise UnreadableError(ImageProblem(ProblemCode.READ_AS_NUMBER, folders=places, names=names))
        raise UnreadableError(ImageProblem(ProblemCode.NOT_IN_FOLDERS, folders=places))

    def _split(self, name: str) -> tuple[Sequence[Path], list[str]]:
        """Return the folders to look in, and the parts of a name below them.

        Other tools write absolute paths into tables; one that begins with the path of a folder is a name below it.
        """
        text = name.replace("\\", "/")
        if _is_absolute(text):
            for folder in (*self._folders, self._data_dir):
                for place in (folder.absolute(), folder.resolve()):
                    if text.startswith(f"{place.as_posix()}/"):
                        return [folder], _safe_parts(text[len(place.as_posix()) + 1 :])
        return self._folders, _safe_parts(text)

    def _descend(self, folder: Path, parts: Sequence[str]) -> tuple[Path | None, bool]:
        """Return the subfolder, or None if there is none, and whether a link was followed."""
        linked = False
        for part in parts:
            listing = self._listing(folder)
            child = listing.folder_named(part)
            if child is None:
                return None, linked
            linked = linked or child in listing.links
            folder = folder / child
        return folder, linked

    def _listing(self, folder: Path) -> _Listing:
        if folder not in self._listings:
            try:
                self._listings[folder] = _Listing(folder)
            except OSError as error:
                problem = ImageProblem(ProblemCode.FOLDER_NOT_LISTED, error=error.strerror)
                raise UnreadableError(problem) from None
        return self._listings[folder]


class _Listing:
    """The content of one folder, by every spelling under which a table may name it."""

    def __init__(self, folder: Path) -> None:
        self.links: set[str] = set()
        self.plain: set[str] = set()
        self._folders: dict[str, str] = {}
        self._names: list[str] = []
        if folder.is_dir():
            with os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    self._add(entry)

    def _add(self, entry: os.DirEntry[str]) -> None:
        if entry.is_symlink():
            self.links.add(entry.name)
        if _is_folder(entry):
            self._folders.setdefault(nfc(entry.name), entry.name)
            return
        if _is_file(entry):
            self.plain.add(entry.name)
        self._names.append(entry.name)

    @cached_property
    def _spellings(self) -> _Spellings:
        """Other spellings of the names; most tables spell every name exactly and never need them."""
        return _Spellings(self._names)

    def folder_named(self, name: str) -> str | None:
        return self._folders.get(nfc(name))

    def file_named(self, name: str) -> str | None:
        if name in self.plain:
            return name
        name = nfc(name)
        if name in self._spellings.composed:
            return self._spellings.composed[name]
        stem, extension = _split(name)
        candidates = self._spellings.folded.get(stem + extension.lower()) or self._spellings.stems.get(name) or []
        if len(candidates) > 1:
            raise UnreadableError(ImageProblem(ProblemCode.AMBIGUOUS_NAME, names=", ".join(candidates)))
        if not candidates and name in self._folders:
            raise UnreadableError(ImageProblem(ProblemCode.NAMES_A_FOLDER))
        return candidates[0] if candidates else None

    def near(self, name: str) -> str | None:
        """Return an image of the same name with another extension."""
        found = self._spellings.stems.get(_split(nfc(name))[0])
        return found[0] if found else None

    def read_as_number(self, name: str) -> list[str]:
        """Return the images whose name a program that takes it for a number writes so: 00123 as 123 or 123.0."""
        stem, extension = _split(nfc(name))
        asked = stem if extension.lower() in IMAGE_EXTENSIONS else nfc(name)
        return self._numbers.get(re.sub(r"\.0$", "", asked).upper(), [])

    @cached_property
    def _numbers(self) -> dict[str, list[str]]:
        """Images by what is left of their name as a number."""
        numbers: dict[str, list[str]] = {}
        for stem, names in self._spellings.stems.items():
            for spelling in _number_spellings(stem):
                numbers.setdefault(spelling, []).extend(names)
        return numbers


class _Spellings:
    """Names by their composed form, with the extension in small letters, and without extension."""

    def __init__(self, names: Sequence[str]) -> None:
        self.composed: dict[str, str] = {}
        self.folded: dict[str, list[str]] = {}
        self.stems: dict[str, list[str]] = {}
        for name in names:
            self.composed.setdefault(nfc(name), name)
            stem, extension = _split(nfc(name))
            self.folded.setdefault(stem + extension.lower(), []).append(name)
            if extension.lower() in IMAGE_EXTENSIONS:
                self.stems.setdefault(stem, []).append(name)


def lies_within(path: Path, folder: Path) -> bool:
    """Return whether a path, all links followed, is in a folder or is the folder; a circular link is in no folder."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    # Python 3.11 and 3.12 raise RuntimeError for a circle, later ones OSError.
    except (RuntimeError, OSError):
        return False


def is_hidden(name: str) -> bool:
    """Return whether a name is that of a hidden file, or of one that systems leave next to people's files."""
    return (name.startswith(".") and name not in (".", "..")) or name.casefold() in _SYSTEM_FILES


def shown(path: Path, folder: Path) -> str:
    """Return a path below a folder as an ID: composed, with slashes, valid UTF-8."""
    return nfc(printable(path.relative_to(folder).as_posix()))


def _is_absolute(text: str) -> bool:
    return text.startswith("/") or re.match(r"[A-Za-z]:/", text) is not None


def _safe_parts(text: str) -> list[str]:
    """Split a name at its slashes; refuse names that could lead out of the folder."""
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if _is_absolute(text) or ".." in parts:
        raise UnreadableError(ImageProblem(ProblemCode.NAME_LEAVES_DATA))
    if not parts:
        raise UnreadableError(ImageProblem(ProblemCode.NAMES_NO_FILE))
    return parts


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder or a link to one. A circular link is none; ``entry.is_dir()`` would raise."""
    # Only links cost a call to the file system: one for each file would be half the time of listing them.
    return Path(entry.path).is_dir() if entry.is_symlink() else entry.is_dir(follow_symlinks=False)


def _is_file(entry: os.DirEntry[str]) -> bool:
    return Path(entry.path).is_file() if entry.is_symlink() else entry.is_file(follow_symlinks=False)


def _number_spellings(stem: str) -> set[str]:
    """Return how spreadsheets and pandas write a name that they took for a number.

    They drop leading zeros. Excel keeps 15 digits, and shows numbers of more than 11 as ``1.23457E+16``.
    """
    spellings = {stem.lstrip("0").upper()}
    if stem.isascii() and stem.isdigit():
        digits = stem.lstrip("0") or "0"
        spellings.add(digits)
        if len(digits) > 11:
            spellings |= {f"{digits[:15]}{'0' * (len(digits) - 15)}", f"{int(digits):.5E}", f"{int(digits):.2E}"}
    return spellings - {stem, ""}


def _split(name: str) -> tuple[str, str]:
    path = PurePath(name)
    return path.stem, path.suffix
