"""Why an image cannot be read: a code for programs, a sentence for people, and the error that carries both."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from munseo._errors import UserError
from munseo._locale import Remark


class ProblemCode(StrEnum):
    """The problems that an image can have.

    Programs decide by the code and never by the words. The sentence that people read is ``note.image.<code>`` in the
    catalogue of texts; it reads well after the name of the file.
    """

    # The file
    NO_SUCH_FILE = "no_such_file"
    NOT_A_FILE = "not_a_file"
    NOT_READABLE = "not_readable"
    EMPTY_FILE = "empty_file"
    TOO_MANY_BYTES = "too_many_bytes"
    NOT_AN_IMAGE = "not_an_image"

    # Its pixels
    TRUNCATED = "truncated"
    NOT_DECODABLE = "not_decodable"
    OUT_OF_MEMORY = "out_of_memory"
    NO_PIXELS = "no_pixels"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_MANY_SCANS = "too_many_scans"
    TIFF_KIND = "tiff_kind"
    HEIC_READER_MISSING = "heic_reader_missing"
    NOT_PREPARED = "not_prepared"

    # A document of several pages
    TOO_MANY_PAGES = "too_many_pages"
    PDF_WITH_PASSWORD = "pdf_with_password"
    PDF_LOCKED = "pdf_locked"
    PDF_DAMAGED = "pdf_damaged"
    PDF_PAGE_DAMAGED = "pdf_page_damaged"
    PDF_WITHOUT_PAGES = "pdf_without_pages"
    PDF_PORTFOLIO = "pdf_portfolio"
    PDF_XFA_FORM = "pdf_xfa_form"
    FIRST_PAGE_WITHOUT_SIZE = "first_page_without_size"
    PAGE_WITHOUT_SIZE = "page_without_size"

    # The name that a table gives it, and the folder that it is in
    NO_ID = "no_id"
    LONG_ID = "long_id"
    NAMES_NO_FILE = "names_no_file"
    NAMES_A_FOLDER = "names_a_folder"
    AMBIGUOUS_NAME = "ambiguous_name"
    NOT_IN_FOLDERS = "not_in_folders"
    OTHER_EXTENSION = "other_extension"
    READ_AS_NUMBER = "read_as_number"
    NAME_LEAVES_DATA = "name_leaves_data"
    LINK_LEAVES_DATA = "link_leaves_data"
    LINK_LEAVES_FOLDER = "link_leaves_folder"
    TOO_DEEP = "too_deep"
    FOLDER_NOT_LISTED = "folder_not_listed"
    NOT_LISTED = "not_listed"

    # An archive or table, or a file in one
    DAMAGED_ARCHIVE = "damaged_archive"
    NO_END_MARK = "no_end_mark"
    LONG_NAME_IN_TAR = "long_name_in_tar"
    ARCHIVE_IN_ARCHIVE = "archive_in_archive"
    ARCHIVE_WITH_PASSWORD = "archive_with_password"
    LINK_IN_ARCHIVE = "link_in_archive"
    SPARSE_FILE_IN_ARCHIVE = "sparse_file_in_archive"
    NO_FILE_IN_ARCHIVE = "no_file_in_archive"
    MEMBER_TOO_LARGE = "member_too_large"
    MEMBER_TRUNCATED = "member_truncated"
    MEMBER_NOT_THERE = "member_not_there"
    MEMBER_NOT_READABLE = "member_not_readable"
    EMPTY_CELL = "empty_cell"
    LARGE_ROW_GROUP = "large_row_group"

    # A problem of which only the text is known, because the list of files on the disk keeps no code.
    OTHER = "other"


@dataclass(frozen=True, init=False)
class ImageProblem:
    """A reason why a page cannot be read: its code, and the values for the placeholders of its sentence."""

    code: ProblemCode
    values: dict[str, Any]

    def __init__(self, code: ProblemCode, **values: Any) -> None:
        """Make a problem from its code and the values of its sentence."""
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "values", values)

    def __str__(self) -> str:
        """Return the English sentence."""
        return str(self.remark)

    @property
    def remark(self) -> Remark:
        """The sentence in a form that every language can write."""
        return Remark(f"image.{self.code}", self.values)


class ImageError(UserError):
    """An image that cannot be read: its name, as the user knows it, and what is wrong with it."""

    def __init__(self, name: str, problem: ImageProblem) -> None:
        self.name, self.problem = name, problem
        super().__init__(f"{name}: {problem}")

    def __reduce__(self) -> tuple[type[ImageError], tuple[Any, ...]]:
        return type(self), (self.name, self.problem)


class UnreadableError(ValueError):
    """A problem that is raised in code that does not know the name of the file."""

    def __init__(self, problem: ImageProblem) -> None:
        self.problem = problem
        super().__init__(str(problem))

    def __reduce__(self) -> tuple[type[UnreadableError], tuple[ImageProblem]]:
        return type(self), (self.problem,)


def words_of(error: Exception) -> str:
    """Return the message of a library's error on one line, or the name of its type where it has none."""
    return " ".join(str(error).split()) or type(error).__name__
