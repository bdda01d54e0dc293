"""What the command line imports: help, wrong paths and wrong words need nothing that takes long to load."""

import json
import subprocess
import sys

import pytest

from munseo._commands.app import COMMANDS, GROUPS

HELP = [["--help"], ["--version"], *([*command.name.split(), "--help"] for command in COMMANDS)]
GROUP_HELP = [[group.name, "--help"] for group in GROUPS]
WRONG_PATHS = [
    ["train", "nowhere.yaml"],
    ["bench", "train", "nowhere.yaml"],
    ["resume", "nowhere"],
    ["ensemble", "nowhere", "elsewhere", "-o", "both"],
    ["predict", "nowhere", "page.jpg"],
    ["evaluate", "nowhere"],
    ["export", "nowhere", "--format", "onnx"],
    ["bench", "predict", "nowhere"],
    ["serve", "nowhere"],
    ["report", "nowhere"],
    ["score", "nowhere", "--public", "0.5"],
    ["runs", "nowhere"],
    ["runs", "diff", "nowhere", "elsewhere"],
    ["ui", "nowhere"],
    ["doctor", "nowhere"],
    ["doctor", "fix", "nowhere", "issues.csv", "-o", "fixed.csv"],
    ["shift", "nowhere"],
]
WRONG_WORDS = [
    ["train", "efficientnet_b4", "lrr=0.1"],
    ["config", "check", "efficientnet_b4", "epochs=many"],
    ["config", "show", "no_such_template"],
    ["bench", "train", "efficientnet_b4", "image_sise=224"],
    *([*command.name.split(), "--no-such-option"] for command in COMMANDS),
]
HEAVY = (
    *("torch", "timm", "pytorch_lightning", "pandas", "numpy", "pyarrow", "scipy", "sklearn", "cv2", "PIL"),
    *("matplotlib", "fontTools", "munseo._run.results"),
)
SCRIPT = f"""
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
from munseo._commands.app import main

def heavy(words):
    sys.argv = ["munseo", *words]
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        try:
            main()
        except SystemExit as end:
            code = end.code
    found = [name for name in {HEAVY} if name in sys.modules]
    return [words, code, found, output.getvalue()]

print(json.dumps([heavy(words) for words in json.loads(sys.argv[1])]))
"""


def run_all(lines, folder):
    """Run command lines in one process; each gives its words, exit code, heavy modules so far, and output."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(lines)], capture_output=True, text=True, cwd=folder, check=True
    )
    return json.loads(done.stdout)


def test_help_imports_nothing_heavy(tmp_path):
    for words, code, heavy, output in run_all([*HELP, *GROUP_HELP], tmp_path):
        assert (code, heavy) == (0, []), words
        assert output


def test_a_wrong_path_is_reported_before_heavy_imports(tmp_path):
    for words, code, heavy, output in run_all(WRONG_PATHS, tmp_path):
        assert (code, heavy) == (2, []), words
        assert "nowhere" in output, words


def test_wrong_words_are_reported_before_heavy_imports(tmp_path):
    for words, code, heavy, output in run_all(WRONG_WORDS, tmp_path):
        assert (code, heavy) == (2, []), words
        assert output, words


def test_the_list_of_runs_needs_no_plots_and_no_model(finished):
    ((_, code, heavy, output),) = run_all([["runs", str(finished.path.parent)]], finished.path)
    assert code == 0, output
    assert set(heavy) == {"pandas", "numpy", "pyarrow", "munseo._run.results"}


def test_every_command_that_reads_a_path_is_in_the_list():
    listed = {" ".join(words) for words in WRONG_PATHS}
    without_input = {"synth", "demo", "cache ls", "cache clear", "config schema", "config list"}
    only_configuration = {"config show", "config check"}
    for command in COMMANDS:
        name = command.name.replace("doctor check", "doctor").replace("runs list", "runs")
        if name not in without_input | only_configuration:
            assert any(words.startswith(name) for words in listed), name


@pytest.mark.parametrize("words", [["runs", "."], ["cache", "ls", "."]])
def test_looking_needs_no_torch(words, tmp_path):
    ((_, code, heavy, output),) = run_all([words], tmp_path)
    assert code == 0, output
    assert "torch" not in heavy
