"""The errors that people who use Munseo see: a wrong input that they can correct, and an interruption."""

from __future__ import annotations

from collections.abc import Sequence

SHOWN = 20
"""Number of problems that are printed; the others are counted, so that a broken table of 10,000 rows stays readable."""


class UserError(ValueError):
    """Something in the user's files, configuration or options is wrong, and the user can correct it.

    The command line prints it without a traceback and exits with code 2.

    Args:
        message: What is wrong, where, and what to do about it.
        problems: One line for each of several things that are wrong.
    """

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        self.message = message
        self.problems = list(problems)
        super().__init__(message)

    def __str__(self) -> str:
        lines = [self.message, *(f"  - {problem}" for problem in self.problems[:SHOWN])]
        if len(self.problems) > SHOWN:
            lines.append(f"  … and {len(self.problems) - SHOWN} more")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[type[UserError], tuple[str, list[str]]]:
        return type(self), (self.message, self.problems)


class NoRoomError(OSError):
    """The disk, or the user's quota on it, is full. The previous version of the file is still complete.

    Attributes:
        needed: Size of the new file in bytes, where it is known.
    """

    def __init__(self, number: int, reason: str, file: str, needed: int | None = None) -> None:
        super().__init__(number, reason, file)
        self.needed = needed

    def __str__(self) -> str:
        return f"{self.filename}: could not be written ({self.strerror}); make room there."


class Interrupted(KeyboardInterrupt):
    """A command was stopped by Ctrl-C or SIGTERM before its work was done.

    Attributes:
        signum: The number of the signal. The command line exits with 128 + ``signum``.
        message: What was saved, and how to continue. It is empty in every process but the first of a distributed run.
    """

    def __init__(self, signum: int, message: str = "") -> None:
        super().__init__(message)
        self.signum = signum
        self.message = message
