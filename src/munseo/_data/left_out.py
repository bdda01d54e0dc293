"""What is left out of a folder or an archive, because it is no page: by reason, with counts and a remedy for each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

from munseo._data.foreign_formats import content_of
from munseo._data.formats import HEAD_BYTES, IMAGE_EXTENSIONS, find_format
from munseo._locale import Remark


def _extensions(names: str) -> frozenset[str]:
    return frozenset(f".{name}" for name in names.split())


UNREAD_IMAGES = _extensions(
    "heic heif hif avif jp2 j2k jpf jpx jpm jxl jxr psd psb dcm dicom jbig2 jb2 pcx dcx tga djvu djv eps ps ai xps "
    "oxps svg emf wmf pbm pgm ppm pnm pam exr hdr fits dng cr2 cr3 nef arw orf rw2 raf xcf sgi ras jls mdi qoi dds xbm"
)
"""Extensions of pictures and pages that other programs write. Such a file is a page, and where its format is not read
it is one that cannot be read: nobody should find out from a count that a tenth of the pages was never looked at."""

_CONTENT = {
    "page": "svg postscript metafile dicom jbig2 pcx dcx jpegxl jpegxr jpegls photoshop gimp fits djvu mdi sgi sun pam "
    "qoi exr hdr dds iff cals xbm mng raw",
    "office": "hwpx opendocument docx xlsx pptx ooxml ofd hwp ole mail rtf",
    "archive": "rar sevenzip gzip bzip2 xz zstd alz",
}
"""What a file without an extension is, by the name that ``foreign_formats.content_of`` gives its content."""

_OFFICE = _extensions(
    "doc docx docm dot dotx odt ott rtf wps pages hwp hwpx hwt hml xls xlsx xlsm xlsb ods numbers ppt pptx pps ppsx "
    "odp key eml msg pst mht vsd vsdx"
)
_ARCHIVES = _extensions("rar 7z alz egg cab iso gz bz2 xz zst lz4 lzh arj z tzst")
_NO_PAGES = _extensions(
    "txt csv tsv json jsonl ndjson xml yaml yml md rst htm html css js log ini cfg toml py pyc ipynb sh bat parquet "
    "arrow feather npy npz pt pth pkl h5 hdf5 safetensors onnx db sqlite md5 sha256 cls lock part crdownload url lnk "
    "exe dll mp3 mp4 avi mov mkv wav ttf otf hocr alto tfrecord lmdb mdb idx gitkeep"
)
"""Extensions of files that are not worth opening: there may be one beside every page."""

NAMED = 3  # the files of each reason that a note names


class Reason(StrEnum):
    """Why a file is left out. The sentence is ``note.data.left_out.<reason>`` in the catalogue of texts."""

    OFFICE = "office"  # a document of another program, which can be printed to PDF
    ARCHIVE = "archive"  # an archive of a kind that is not read
    LINKED_FOLDER = "linked_folder"  # a link to a folder, which may be circular; links are followed on request
    MISNAMED = "misnamed"  # an image whose name has another extension
    NO_PAGE = "no_page"  # anything else


MAY_BE_PAGES = frozenset(Reason) - {Reason.NO_PAGE}
"""Reasons for which a page may be lost."""


class LeftOut:
    """Counts the files that are left out, and remembers the first names of each reason."""

    def __init__(self) -> None:
        self.counts: Counter[Reason] = Counter()
        self.names: dict[Reason, list[str]] = {}

    def add(self, name: str, reason: Reason) -> None:
        """Count one file."""
        self.counts[reason] += 1
        names = self.names.setdefault(reason, [])
        if len(names) < NAMED:
            names.append(name)

    def add_all(self, other: LeftOut) -> None:
        """Count the files of another folder."""
        self.counts += other.counts
        for reason, names in other.names.items():
            known = self.names.setdefault(reason, [])
            known.extend(names[: NAMED - len(known)])

    @property
    def num_lost(self) -> int:
        """The number of files that may be pages."""
        return sum(count for reason, count in self.counts.items() if reason in MAY_BE_PAGES)

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """A sentence for each reason."""
        return tuple(
            Remark(
                f"data.left_out.{reason}",
                {"count": self.counts[reason], "names": ", ".join(self.names[reason]) + self._more(reason)},
            )
            for reason in Reason
            if self.counts[reason]
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """The sentences in English."""
        return tuple(map(str, self.remarks))

    def _more(self, reason: Reason) -> str:
        return ", …" if self.counts[reason] > len(self.names[reason]) else ""


def reason_to_leave_out(name: str, head: Callable[[], bytes]) -> Reason | None:
    """Return why a file is no page; None if it is one, whether it can be read or not.

    Args:
        name: Its name, which decides if it has an extension.
        head: Returns the first bytes of its content; called where the name says nothing.
    """
    extension = extension_of(name)
    if extension in IMAGE_EXTENSIONS or extension in UNREAD_IMAGES:
        return None
    if extension in _OFFICE:
        return Reason.OFFICE
    if extension in _ARCHIVES:
        return Reason.ARCHIVE
    if extension in _NO_PAGES:
        return Reason.NO_PAGE
    content = head()[:HEAD_BYTES]
    kind = "page" if find_format(content) is not None else _kind_of(content)
    if kind == "page":
        return Reason.MISNAMED if extension else None
    return Reason(kind)


def _kind_of(content: bytes) -> str:
    name = content_of(content).key.rpartition(".")[2] if content else ""
    return next((kind for kind, names in _CONTENT.items() if name in names.split()), Reason.NO_PAGE)


def extension_of(name: str) -> str:
    """Return the extension of a name in small letters, with the dot; ``scan.2024 final`` has none, as have numbers."""
    extension = os.path.splitext(name)[1].lower()  # noqa: PTH122 — a Path costs ten times as much
    return "" if " " in extension or extension[1:].isdigit() or len(extension) > 10 else extension
