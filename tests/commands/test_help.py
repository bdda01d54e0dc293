"""The help of every command on a terminal of 80 columns."""

import pytest
import typer
from typer.testing import CliRunner

from munseo._commands.app import COMMANDS, DATA, GROUPS, LOOK, PREDICT, SERVICE, TRAIN, app

WORDS = [[], *([group.name] for group in GROUPS), *(command.name.split() for command in COMMANDS)]


def help_of(words, monkeypatch) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    done = CliRunner().invoke(app, [*words, "--help"])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("words", WORDS, ids=lambda words: " ".join(words) or "munseo")
def test_help_fits_80_columns_and_cuts_no_name(words, monkeypatch):
    text = help_of(words, monkeypatch)
    assert max(map(len, text.splitlines())) <= 80
    found = typer.main.get_command(app)
    for word in words:
        found = found.commands[word]
    for parameter in found.params:
        assert parameter.help or parameter.name == "help", f"{parameter.name} has no help"
        for name in (*parameter.opts, *parameter.secondary_opts):
            assert not name.startswith("-") or f" {name} " in text, f"{name} is cut"
    for line in text.splitlines():
        cells = line.strip("│ ").split()
        assert not any(cell.startswith("-") and cell.endswith("…") for cell in cells), line


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_says_nothing_about_python(command, monkeypatch):
    text = help_of(command.name.split(), monkeypatch)
    for word in ("Returns:", "Raises:", "Args:", "UserError", "``"):
        assert word not in text


def test_commands_are_listed_by_panel(monkeypatch):
    lines = help_of([], monkeypatch).splitlines()
    heads = [line for line in lines if line.startswith("╭─")]
    assert [head.split()[1] for head in heads] == ["Options", DATA, TRAIN, PREDICT, LOOK, SERVICE]
    listed = [line.split()[1] for line in lines if line.startswith("│ ") and not line.startswith(("│  ", "│ --"))]
    assert sorted(listed) == sorted({command.name.split()[0] for command in COMMANDS})
