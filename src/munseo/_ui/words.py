"""The words of the page, in English and Korean."""

from __future__ import annotations

from munseo._ui.words_list import WORDS

LANGUAGES = ("en", "ko")


class Words:
    """The words of one language.

    Args:
        language: ``en`` or ``ko``.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._place = LANGUAGES.index(language)

    def __call__(self, key: str, **values: object) -> str:
        """The words of a key, filled in; a ``KeyError`` for one that is not in the list."""
        return WORDS[key][self._place].format(**values)


def spoken(cookie: str | None, accepted: str) -> str:
    """The language to answer in: the chosen one, else the first that the browser asks for and that there is.

    Args:
        cookie: What was chosen before.
        accepted: The header ``Accept-Language``.
    """
    if cookie in LANGUAGES:
        return str(cookie)
    wanted = [part.split(";")[0].strip().lower()[:2] for part in accepted.split(",")]
    return next((code for code in wanted if code in LANGUAGES), LANGUAGES[0])
