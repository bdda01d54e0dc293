"""Why an image cannot be read: a code for programs, a sentence for people, and the error that carries both."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from munseo._errors import UserError
from munseo._locale import Remark


class ProblemCode(StrEnum):
    """What can be wrong with an image: the code, and the English sentence that follows the name of the file.

    Programs decide by the code and never by the words. A translation has the key ``image.<code>``.
    """

    sentence: str

    def __new__(cls, code: str, sentence: str) -> ProblemCode:
        """Make a member that equals its code and knows its sentence."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.sentence = sentence
        return member

    # The file
    NO_SUCH_FILE = "no_such_file", "there is no such file"
    NOT_A_FILE = "not_a_file", "is not a file"
    NOT_READABLE = "not_readable", "cannot be read ({error})"
    EMPTY_FILE = "empty_file", "is empty (0 bytes)"
    TOO_MANY_BYTES = "too_many_bytes", "is larger than {most:,} bytes; such files are not read"
    NOT_AN_IMAGE = "not_an_image", "is not an image that Munseo reads: it holds {content}. Munseo reads {formats}"

    # Its pixels
    TRUNCATED = "truncated", "is cut short; the end of the file is missing"
    NOT_DECODABLE = "not_decodable", "cannot be decoded ({error})"
    OUT_OF_MEMORY = "out_of_memory", "needs more memory than there is"
    NO_PIXELS = "no_pixels", "is {width} × {height} px; there is nothing to read"
    TOO_MANY_PIXELS = "too_many_pixels", "is {width} × {height} px; more than {most:,} pixels are not read"
    TOO_MANY_SCANS = "too_many_scans", "is a JPEG of more than {most} scans; that is no page but an attack"
    LAB_COLOURS = "lab_colours", "has LAB colours, which are not read; save it as RGB"
    NOT_PREPARED = "not_prepared", "cannot be prepared ({error})"

    # A document of several pages
    TOO_MANY_PAGES = "too_many_pages", "no more than {most:,} pages of a file are read"
    PDF_WITH_PASSWORD = "pdf_with_password", "asks for a password; save the PDF without one"
    PDF_WITHOUT_PAGES = "pdf_without_pages", "is a PDF without pages"
    FIRST_PAGE_WITHOUT_SIZE = "first_page_without_size", "is a PDF whose first page has no size"
    PAGE_WITHOUT_SIZE = "page_without_size", "is a PDF whose page {page} has no size"

    # The name that a table gives it, and the folder that it is in
    NO_ID = "no_id", "the ID is empty"
    LONG_ID = "long_id", "the ID has more than {most:,} characters"
    NAMES_NO_FILE = "names_no_file", "names no file"
    NAMES_A_FOLDER = "names_a_folder", "is a folder, not a file"
    AMBIGUOUS_NAME = "ambiguous_name", "could be {names}; write the name whole"
    NOT_IN_FOLDERS = "not_in_folders", "there is no such file in {folders}"
    OTHER_EXTENSION = "other_extension", "there is no such file in {folders}; did you mean {name}?"
    NAME_LEAVES_DATA = (
        "name_leaves_data",
        "leaves the data folder; write the path from the image folder on, without '..'",
    )
    LINK_LEAVES_DATA = "link_leaves_data", "is a link that leaves the data folder"
    LINK_LEAVES_FOLDER = "link_leaves_folder", "is a link that leaves the folder"
    TOO_DEEP = "too_deep", "lies more than {most} folders deep; such folders are not read"
    FOLDER_NOT_LISTED = "folder_not_listed", "its folder cannot be listed ({error})"
    NOT_LISTED = "not_listed", "cannot be listed ({error})"

    # An archive, or a file in one
    DAMAGED_ARCHIVE = "damaged_archive", "is a damaged archive ({error})"
    NO_END_MARK = "no_end_mark", "is cut short or damaged: it has no end mark, and files may be missing"
    LONG_NAME_IN_TAR = "long_name_in_tar", "is a TAR archive with a name of more than {most:,} bytes"
    ARCHIVE_IN_ARCHIVE = "archive_in_archive", "is an archive in an archive; unpack it"
    ARCHIVE_WITH_PASSWORD = "archive_with_password", "asks for a password; save the archive without one"
    LINK_IN_ARCHIVE = "link_in_archive", "is a link in an archive"
    SPARSE_FILE_IN_ARCHIVE = "sparse_file_in_archive", "is a sparse file in an archive"
    NO_FILE_IN_ARCHIVE = "no_file_in_archive", "is no file in an archive"
    MEMBER_TOO_LARGE = "member_too_large", "is larger than {most:,} bytes; such members are not read"
    MEMBER_TRUNCATED = "member_truncated", "is cut short; the end of it is missing in the archive"
    MEMBER_NOT_THERE = "member_not_there", "is not where its archive says that it is"
    MEMBER_NOT_READABLE = "member_not_readable", "cannot be read from its archive ({error})"

    # A problem that only its text is known of: a list of files on the disk keeps no code.
    OTHER = "other", "{text}"


@dataclass(frozen=True, init=False)
class ImageProblem:
    """One reason why a page cannot be read.

    Attributes:
        code: The kind of problem.
        values: The values that the sentence of the code names.
    """

    code: ProblemCode
    values: dict[str, Any]

    def __init__(self, code: ProblemCode, **values: Any) -> None:
        """Join a code with the values that its sentence names."""
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "values", values)

    def __str__(self) -> str:
        """The English sentence, which reads well after the name of the file."""
        return self.code.sentence.format(**self.values)

    @property
    def remark(self) -> Remark:
        """The same as a sentence that pages and reports translate."""
        return Remark(f"image.{self.code}", self.values, str(self))


class ImageError(UserError):
    """An image that cannot be read.

    Attributes:
        name: The file, as the user knows it.
        problem: What is wrong with it.
    """

    def __init__(self, name: str, problem: ImageProblem) -> None:
        self.name = name
        self.problem = problem
        super().__init__(f"{name}: {problem}")

    def __reduce__(self) -> tuple[type[ImageError], tuple[Any, ...]]:
        return type(self), (self.name, self.problem)


class UnreadableError(ValueError):
    """A problem that is raised where the name of the file is not known.

    Attributes:
        problem: What is wrong.
    """

    def __init__(self, problem: ImageProblem) -> None:
        self.problem = problem
        super().__init__(str(problem))

    def __reduce__(self) -> tuple[type[UnreadableError], tuple[ImageProblem]]:
        return type(self), (self.problem,)


def words_of(error: Exception) -> str:
    """Return the message of a library's error on one line, or the name of its type where it has none."""
    return " ".join(str(error).split()) or type(error).__name__
