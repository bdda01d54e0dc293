"""The table of commands, and how a function becomes a command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import pytest
import typer
from typer.testing import CliRunner

import munseo
from munseo import Interrupted
from munseo._commands.app import COMMANDS, GROUPS, Command, Group, build_app


def sample(
    file: Annotated[Path | str, typer.Argument()],
    words: Annotated[Sequence[str], typer.Argument()] = (),
    *,
    counts: Annotated[Sequence[int], typer.Option("--count")] = (),
    kind: Annotated[Literal["a", "b"], typer.Option()] = "a",
    size: Annotated[float | None, typer.Option()] = None,
) -> dict[str, object]:
    """Return what was given.

    More about it.

    Returns:
        A dictionary.
    """
    return {"file": file, "words": words, "counts": counts, "kind": kind, "size": size}


def show(result: dict[str, object], *, size: float | None, short: Annotated[bool, typer.Option("--short")] = False):
    typer.echo(f"{result}, {size}, {short}")


def stopped() -> None:
    """Stop."""
    raise Interrupted(15, "stopped; run it again.")


def stopped_elsewhere() -> None:
    """Stop without a message, as the other processes of a distributed run do."""
    raise Interrupted(15)


def cut() -> None:
    """Stop as Ctrl-C does."""
    raise KeyboardInterrupt


def listed() -> list[int]:
    """Return a list."""
    return [1, 2]


APP = build_app(
    (
        Command("sample", sample, "Data", ("`sample x`",), show),
        Command("stopped", stopped, "Data"),
        Command("elsewhere", stopped_elsewhere, "Data"),
        Command("cut", cut, "Data"),
        Command("pair one", listed, "Data"),
        Command("pair two", cut, "Data"),
        Command("words one", sample, "Data"),
    ),
    (Group("pair", "Two.", default="one", needs_words=False), Group("words", "One.", default="one")),
)


def invoke(*words):
    return CliRunner().invoke(APP, words)


def test_a_command_gets_the_first_type_of_a_union_and_its_defaults():
    assert invoke("sample", "x").stdout == (
        f"{{'file': {Path('x')!r}, 'words': (), 'counts': (), 'kind': 'a', 'size': None}}, None, False\n"
    )
    done = invoke("sample", "x", "one", "two", "--count", "1", "--count", "2", "--kind", "b", "--size", "1", "--short")
    assert done.stdout.endswith("'words': ['one', 'two'], 'counts': [1, 2], 'kind': 'b', 'size': 1.0}, 1.0, True\n")
    assert invoke("sample", "x", "--kind", "c").exit_code == 2


def test_help_ends_before_the_returned_value(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = invoke("sample", "--help").stdout
    assert "Return what was given." in text
    assert "More about it." in text
    assert "A dictionary" not in text
    assert "Example:" in text


def test_interruptions_give_the_exit_code_of_their_signal():
    done = invoke("stopped")
    assert (done.exit_code, done.stderr) == (143, "munseo: stopped; run it again.\n")
    done = invoke("cut")
    assert (done.exit_code, done.stderr) == (130, "munseo: interrupted.\n")
    done = invoke("elsewhere")
    assert (done.exit_code, done.stderr) == (0, "")


def test_a_group_runs_its_default_command_for_words_that_name_none():
    assert invoke("pair").stdout == "1\n2\n"
    assert invoke("pair", "one").stdout == "1\n2\n"
    assert invoke("pair", "two").exit_code == 130
    assert "Usage" in invoke("pair", "--help").stdout
    assert "'file'" in invoke("words", "x").stdout
    assert "Usage" in invoke("words").output


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_is_documented_and_in_its_own_file(command):
    function = command.function
    assert function.__doc__.splitlines()[0].endswith(".")
    assert function.__module__.startswith("munseo._commands.")
    assert command.examples or " " in command.name
    name = function.__module__.rpartition(".")[2]
    if function.__name__ == name:
        assert getattr(munseo, name) is function


def test_every_group_has_commands_and_its_default():
    names = {command.name for command in COMMANDS}
    for group in GROUPS:
        assert any(name.startswith(f"{group.name} ") for name in names)
        assert group.default is None or f"{group.name} {group.default}" in names
