"""The commands that use a finished run fail at once where a path is wrong: before torch and pandas are imported."""

import subprocess
import sys

import pytest

from munseo import UserError, predict

HEAVY = ("torch", "pandas", "numpy", "timm", "pyarrow", "cv2", "scipy", "sklearn")
PROGRAM = f"""
import sys
from munseo._commands.app import main

sys.argv[0] = "munseo"
try:
    main()
except SystemExit as end:
    print(end.code, [name for name in {HEAVY} if name in sys.modules])
"""


@pytest.mark.parametrize("words", [["predict", "nowhere", "x.jpg"], ["evaluate", "nowhere"], ["serve", "nowhere"]])
def test_a_wrong_run_is_named_before_heavy_imports(words, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.strip() == "2 []"
    assert done.stderr.strip() == "munseo: nowhere: there is no such run folder."


def test_wrong_inputs_are_named_before_heavy_imports(finished, tmp_path):
    words = ["predict", str(finished.path), "one.jpg", "two", "-o", "out.parquet"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.strip() == "2 []"
    assert "2 of the inputs cannot be found" in done.stderr
    assert "one.jpg: there is no such file or folder" in done.stderr
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("o.xls", "o.xls: should end in .csv, .xlsx or .parquet"),
        ("o", "o: should end in"),
        ("o.csv.gz", "should end in"),
    ],
)
def test_an_unknown_ending_is_refused_before_heavy_imports(output, told, tmp_path):
    words = ["predict", "nowhere", "x.jpg", "-o", output]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.strip() == "2 []"
    assert told in done.stderr


def test_options_that_do_not_fit_the_output(tmp_path):
    folder = tmp_path / "o.csv"
    folder.mkdir()
    for words, told in (
        ({"output": "o.xlsx", "excel": True}, "excel: is for a CSV"),
        ({"output": folder}, "it is a folder"),
        ({"output": "o.parquet", "on_bad_image": "fail"}, "column error"),
    ):
        with pytest.raises(UserError, match=told):
            predict("nowhere", **words)
