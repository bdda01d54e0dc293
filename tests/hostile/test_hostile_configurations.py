"""Configurations: aliases that explode, tags that run code, numbers and depths beyond Python's own limits."""

from __future__ import annotations

from pathlib import Path

import pytest
from bounds import memory_below

from munseo import UserError
from munseo._config import Config, dump_config, load_config
from munseo._config.reader import MAX_BYTES
from munseo._run import RunFolder
from munseo._shift.recipe_file import load_recipe

LAUGHS = 'a: &a ["lol", "lol"]\n' + "".join(
    f"{new}: &{new} [{', '.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "a billion laughs": (LAUGHS, "aliases that grow"),
    "laughs of few aliases": (
        "a: &a [x]\n" + "".join(f"b{n}: &b{n} [*{'a' if n == 0 else f'b{n - 1}'}, *a]\n" for n in range(20)),
        "unknown key",
    ),
    "aliases doubled forty times": (
        "a: &b0 [x]\n" + "".join(f"c{n}: &b{n + 1} [*b{n}, *b{n}]\n" for n in range(24)),
        "aliases that grow",
    ),
    "a long word, often": ("a: &a " + "x" * 90_000 + "\nb: [" + ", ".join(["*a"] * 30) + "]", "aliases that grow"),
    "a list that holds itself": ("a: &a [*a]", "too deep"),
    "ten thousand brackets": ("a: " + "[" * 10_000, "too deep"),
    "a Python object": ("a: !!python/object/apply:os.system ['touch canary']", "not valid YAML"),
    "a Python name": ("a: !!python/name:os.system", "not valid YAML"),
    "binary": ("a: !!binary gIGC", "not valid YAML"),
    "a set": ("a: !!set {x, y}", "not valid YAML"),
    "a number of 5,000 digits": ("epochs: " + "9" * 5000, "more than 40 digits"),
    "a number in base 60": ("epochs: " + ":".join(["59"] * 3000), "more than 40 digits"),
    "a number in base 16": ("epochs: 0x" + "f" * 5000, "more than 40 digits"),
    "a date that is none": ("data_dir: 2025-02-31\nepochs: -1", "epochs (line 2): -1"),
    "a tag that lies": ("TTA: !!bool perhaps", "not valid YAML"),
    "infinite": ("early_stopping_min_delta: .inf", "finite number"),
    "no number": ("focal_gamma: .nan", "finite number"),
    "a list as a key": ("? [a, b]\n: 1", "not valid YAML"),
    "a key that is a number": ("1: 2", "1"),
    "a key called as a type": ("int: 2", "int (line 1): unknown key"),
    "an undefined alias": ("a: *b", "not valid YAML"),
    "control characters": ("a: \x07", "not valid YAML"),
    "two documents": ("lr: 1\n---\nlr: 2", "not valid YAML"),
    "a word alone": ("words", "key: value"),
    "a value that would fill the screen": ("lr: " + "x" * 50_000, "…"),
    "ten thousand unknown keys": ("".join(f"k{n}: 1\n" for n in range(10_000)), "10000 problems"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_refused_in_bounded_memory_with_a_short_message(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, words = HOSTILE[name]
    file = tmp_path / "run.yaml"
    file.write_text(text, encoding="utf-8")
    with memory_below(200), pytest.raises(UserError) as caught:
        load_config(file)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 60_000
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("name", ["a billion laughs", "a Python object", "ten thousand brackets"])
def test_the_configuration_and_the_recipe_of_a_run_folder_are_read_by_the_same_door(name, tmp_path):
    text, words = HOSTILE[name]
    run = RunFolder(tmp_path)
    run.config_file.write_text(text)
    run.shift_file.write_text(text)
    with pytest.raises(UserError, match=words):
        run.read_config()
    with pytest.raises(UserError, match=words):
        load_recipe(run.shift_file)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    file = tmp_path / "run.yaml"
    with file.open("wb") as stream:
        stream.truncate(3 * 2**30)
    with memory_below(20), pytest.raises(UserError, match=f"larger than {MAX_BYTES:,} bytes"):
        load_config(file)


@pytest.mark.parametrize("data", [b"\xff\xfe\0", "lr: 가".encode("cp949"), b"lr: \x80"])
def test_bytes_that_are_no_text(data, tmp_path):
    (tmp_path / "run.yaml").write_bytes(data)
    with pytest.raises(UserError, match="not UTF-8"):
        load_config(tmp_path / "run.yaml")


@pytest.mark.parametrize("word", ["lr=[", "lr=!!python/name:os.system", "epochs=" + "9" * 5000, "a=" + "[" * 5000])
def test_words_of_the_command_line(word):
    with pytest.raises(UserError):
        load_config("demo", [word])


def test_aliases_that_people_use_still_work(tmp_path):
    text = "norm_mean: &half [0.5, 0.5, 0.5]\nnorm_std: *half\n"
    (tmp_path / "run.yaml").write_text(text)
    config = load_config(tmp_path / "run.yaml")
    assert config.norm_std == [0.5, 0.5, 0.5]
    assert dump_config(config) == dump_config(Config())


def test_the_folder_of_a_configuration_is_no_configuration(tmp_path):
    (tmp_path / "run.yaml").mkdir()
    with pytest.raises(UserError, match="no such configuration file"):
        load_config(Path(tmp_path / "run.yaml"))
