"""Keys of the words on a page: where they come from, and what a run keeps of them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from munseo._config.key import Key, KeyGroup, OnResume, Section


class TextSettings(Section):
    """Words beside the image."""

    group: ClassVar = KeyGroup.TEXT

    text: Literal["none", "auto", "column", "pdf", "ocr"] = Field(
        "none",
        description="words beside the image, fused with it where that helps. column: the user's own text (a column of "
        "the table, or a file beside the page); pdf: the text layer of a PDF; ocr: an OCR engine; auto: the first of "
        "these that a page has",
    )
    text_column: str | None = Field(
        None, min_length=1, description="column with the text of the pages; default: text, if there is one"
    )
    ocr_languages: list[Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_]+$")]] = Field(
        default_factory=lambda: ["eng"],
        min_length=1,
        max_length=10,
        description="languages that the OCR engine reads, by Tesseract's names, such as [kor, eng]",
    )
    text_min_pages: int = Field(
        5,
        ge=2,
        le=1000,
        description="a word or n-gram on fewer training pages is neither in the text model nor in a report",
    )
    text_keep: Annotated[bool, Key(on_resume=OnResume.FREE)] = Field(
        False,
        description="keep the words of the validation pages in the run folder; without it they are only in the cache",
    )
