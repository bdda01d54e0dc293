"""The error of an image that cannot be read."""

from __future__ import annotations

from typing import Any

from munseo._errors import UserError


class ImageError(UserError):
    """An image that cannot be read.

    Attributes:
        name: The file, as the user knows it.
        reason: What is wrong with it, in a few words that follow the name.
    """

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"{name}: {reason}")

    def __reduce__(self) -> tuple[type[ImageError], tuple[Any, ...]]:
        return type(self), (self.name, self.reason)


class UnreadableError(ValueError):
    """Raised deep inside, where the file's name is not known: a reason that already reads well after it."""
