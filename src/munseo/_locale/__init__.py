"""Everything that a person reads on pages, reports and pictures, in English and Korean."""

from munseo._locale.texts import LANGUAGES, Remark, Texts

__all__ = ["LANGUAGES", "Remark", "Texts"]
