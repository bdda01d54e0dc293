"""``munseo shift`` from the data folder to its four files."""

import shutil

import pandas as pd
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from munseo import shift
from munseo._augment import Recipe
from munseo._commands.app import app
from munseo._errors import UserError
from munseo._shift import MEASURES


@pytest.fixture(scope="module")
def result(letters_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("shift") / "out"
    return shift(letters_folder, out, image_size=128, seed=3, quiet=True).folder


def test_the_recipe_is_read_back_and_says_where_it_comes_from(result):
    text = (result / "recipe.yaml").read_text(encoding="utf-8")
    recipe = Recipe.from_dict(yaml.safe_load(text))
    names = {entry[0]: entry for entry in recipe.damages}
    assert recipe.name == "letters"
    assert names["noise"][1] > 0.5
    assert names["quarter_turn"][1] > 0.5
    assert names["jpeg"][1] == 1
    assert "24 train and 24 test pages" in text
    assert text.count("  # ") >= len(recipe.damages)


def test_the_tables_hold_every_page_and_measure(result):
    pages = pd.read_csv(result / "shift.csv")
    assert pages["part"].value_counts().loc[["train", "test"]].tolist() == [24, 24]
    assert set(pages[pages["part"] == "train"]["ID"]) == {f"{index}.jpg" for index in range(24)}
    comparison = pd.read_csv(result / "comparison.csv").set_index("measure")
    assert list(comparison.index) == [measure.name for measure in MEASURES if measure.shown]
    assert comparison.loc["noise", "shifted"]
    assert comparison.loc["jpeg_quality", "test_median"] == pytest.approx(40, abs=1)
    assert comparison.loc["aspect", "train_median"] == 0.75
    with Image.open(result / "shift.png") as picture:
        assert picture.width > 1500


def test_the_same_seed_gives_the_same_bytes(letters_folder, result, tmp_path):
    again = shift(letters_folder, tmp_path / "again", image_size=128, seed=3, quiet=True).folder
    for file in result.iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes(), file.name


def test_the_command_prints_a_table_and_the_folder(letters_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    done = CliRunner().invoke(
        app, ["shift", str(letters_folder), "-o", str(tmp_path / "o"), "--image-size", "96", "--language", "ko", "-q"]
    )
    assert done.exit_code == 0, done.output
    assert "Blur (px)" in done.stdout
    assert "are skewed" in done.stdout or "lie on their side" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("o")


def test_without_a_test_part_the_built_in_recipe_is_named(letters_folder, tmp_path):
    data = shutil.copytree(letters_folder, tmp_path / "data", ignore=shutil.ignore_patterns("test"))
    with pytest.raises(UserError, match=r"no test split.*competition"):
        shift(data, tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()


def test_every_image_that_cannot_be_read_is_named(letters_folder, tmp_path):
    data = shutil.copytree(letters_folder, tmp_path / "data")
    for name in ("t3.jpg", "t11.jpg"):
        (data / "test" / name).write_bytes(b"\xff\xd8\xff\xe0 cut short")
    with pytest.raises(UserError) as caught:
        shift(data, tmp_path / "out", quiet=True)
    assert [problem.split(":")[0] for problem in sorted(caught.value.problems)] == ["t11.jpg", "t3.jpg"]


def test_wrong_options_are_reported_together(letters_folder):
    with pytest.raises(UserError) as caught:
        shift(letters_folder, image_size=20, num_pages=3)
    assert len(caught.value.problems) == 2
