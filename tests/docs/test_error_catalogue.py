"""Every message raised to users stands in ``docs/errors.md``, and every message there is raised.

What counts as a message is decided from the syntax trees, by these rules (``raised_messages.py`` carries them out):

1. By place: the arguments of ``UserError`` and of interruptions that are shown to people; the notes about images in the
   catalogue of texts; what ``__str__`` of an error returns; what is printed to standard error; what goes into a
   variable, attribute or argument called ``problem`` or ``problems``, by assignment, ``append``, ``extend``, ``+=`` or
   ``for``.
2. By following: a variable stands for everything that its function, or the file, puts into it; a parameter for what
   callers give; a call for what that function of ours returns or yields. A name that several files define and the own
   file does not is not followed.
3. Formatted strings become patterns: each placeholder counts as any text, and its name is free in the catalogue, which
   leaves out the ticks around commands. Both branches of a condition are messages of their own; text within a
   placeholder (hints such as "did you mean") is not.
4. A string of placeholders and signs alone, as ``f"{page}: {problem}"``, passes on what its last placeholder holds.

Notes of progress (``say``) are no errors, and no words of Pydantic, Typer or torch are looked for: they only fill
placeholders. ``python tests/docs/test_error_catalogue.py --missing`` prints what the catalogue lacks and has too much.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from raised_messages import Message, pattern, raised

CATALOGUE = Path(__file__).parents[2] / "docs" / "errors.md"


def entries(text: str) -> dict[str, str]:
    """Pattern to message, for each piece of code in the first cells of the tables."""
    found = {}
    for line in text.splitlines():
        if line.startswith("| `"):
            for message in re.findall(r"`([^`]+)`", line.split(" | ")[0]):
                found[pattern(message)] = message
    return found


def missing() -> list[Message]:
    known = entries(CATALOGUE.read_text(encoding="utf-8"))
    return [message for message in raised() if message.pattern not in known]


def stale() -> list[str]:
    patterns = {message.pattern for message in raised()}
    return [text for key, text in entries(CATALOGUE.read_text(encoding="utf-8")).items() if key not in patterns]


SAMPLE = """
REASON = "is of the file"

def refuse(rows, wanted, name, near):
    problems = [f"{row}: listed" for row in rows]
    problems += ["added"] + [f"{row}: " + ("short" if row else f"long {row}") for row in rows]
    problems.append(explain(name))
    for problem in others(rows):
        problems.append(f"{name}: {problem}")
    if wanted:
        raise UserError("plain; `do` this.")
    raise UserError(f"{name}: {len(problems)} wrong in {name!r}.", problems)

def explain(name):
    if name:
        return f"{name} explained"
    raise UserError(REASON)

def others(rows):
    yield "yielded"
    yield from (f"{row}: generated" for row in rows)

def small(need):
    raise UserError(f"{need}")

def ask():
    small(need="given by a caller") or say("only a note")
    print(f"munseo: {name()}", file=sys.stderr)

def name():
    return "printed"

class FullError(OSError):
    def __str__(self):
        return f"{self.filename} is full"
"""


def test_messages_are_found_by_every_rule(tmp_path):
    (tmp_path / "sample.py").write_text(SAMPLE, encoding="utf-8")
    (tmp_path / "_locale").mkdir()
    (tmp_path / "_locale" / "en.yaml").write_text('note:\n  image.large: "is larger than {most:,} bytes"\n')
    found = {message.pattern for message in raised(tmp_path)}
    assert found == {
        "{}: listed", "added", "{}: short", "{}: long {}", "{} explained", "yielded", "{}: generated",
        "plain; do this.", "{}: {} wrong in {}.", "is of the file", "given by a caller", "printed", "{} is full",
        "is larger than {} bytes",
    }  # fmt: skip


def test_every_message_that_is_raised_stands_in_the_catalogue():
    assert [f"{message.file}:{message.line}: {message.text}" for message in missing()] == []


def test_every_message_of_the_catalogue_is_raised():
    assert stale() == []


if __name__ == "__main__" and sys.argv[1:] == ["--missing"]:
    print(*(f"missing  {message.file}:{message.line}  {message.text}" for message in missing()), sep="\n")
    print(*(f"stale    {text}" for text in stale()), sep="\n")
