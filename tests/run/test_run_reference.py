"""Runs are found by the ten digits of their name, by any other beginning of it, and as the latest one."""

from __future__ import annotations

import json

import pytest

from munseo._errors import UserError
from munseo._run import open_run
from munseo._run.run_reference import short_ids

LONG = "2507051934-efficientnet_b4.ra2_in1k-opt_AdamW-sch_CosineAnnealingLR-img320"
NAMES = (LONG, "2507060101-a", "2507060103-a", "2507060103-a-2", "blend", "blend of all")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with runs in ``runs/``; the second is the one that began last, whatever its name says."""
    for number, name in enumerate(NAMES):
        run = tmp_path / "runs" / name
        run.mkdir(parents=True)
        started = f"2026-01-0{9 if number == 1 else number + 1}T10:00:00+09:00"
        (run / "manifest.json").write_text(json.dumps({"started": started}), encoding="utf-8")
        (run / "config.yaml").write_text("{}", encoding="utf-8")
    (tmp_path / "runs" / "wandb").mkdir()
    (tmp_path / "runs" / ".2507060103-a.tmp").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        *(("2507051934", LONG), ("2507", None), ("25070519", LONG), (LONG, LONG), ("runs/2507051934", LONG)),
        *(("2507060103.1", NAMES[2]), ("2507060103.2", NAMES[3]), ("2507060103-a", NAMES[2]), ("2507060103", None)),
        *(("blend", "blend"), ("blend of", "blend of all"), ("latest", NAMES[1]), ("runs/latest", NAMES[1])),
        *(("2507051934.1", LONG),),
    ],
)
def test_references(place, reference, name):
    for given in (reference, str(place / "runs" / reference.removeprefix("runs/"))):
        if name is None:
            with pytest.raises(UserError, match="runs begin so; give more of the name") as caught:
                open_run(given)
            assert "2507060103.2: 2507060103-a-2" in caught.value.problems
        else:
            assert open_run(given).path == place / "runs" / name


def test_from_within_the_folder_of_the_runs(place, monkeypatch):
    monkeypatch.chdir(place / "runs")
    assert open_run("2507051934").name == LONG
    assert open_run("latest").name == NAMES[1]


def test_a_fold_of_a_run(place):
    fold = place / "runs" / LONG / "fold0"
    fold.mkdir()
    for name in ("config.yaml", "manifest.json"):
        (fold / name).write_text("{}", encoding="utf-8")
    assert open_run("2507051934/fold0").path == fold


def test_a_folder_that_exists_is_what_it_is(place):
    (place / "latest").mkdir()
    with pytest.raises(UserError, match="latest is not a run folder"):
        open_run("latest")


@pytest.mark.parametrize(
    "reference", ["nowhere", "wandb", "runs/wandb", "2507051934.2", "elsewhere/2507051934", ".2507"]
)
def test_what_is_no_run_is_not_found(place, reference):
    with pytest.raises(UserError, match=r"there is no such run folder|is not a run folder"):
        open_run(reference)


def test_latest_of_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="latest: there is no such run folder"):
        open_run("latest")


def test_the_latest_run_is_named_and_a_damaged_manifest_does_not_matter(place, capsys):
    (place / "runs" / NAMES[1] / "manifest.json").write_text("{]", encoding="utf-8")
    assert open_run("latest").name == "blend of all"
    assert "latest: runs/blend of all" in capsys.readouterr().err
    (place / "runs" / "3001010101-later").mkdir()
    with pytest.raises(UserError, match="not a run folder"):
        open_run("latest")


def test_every_short_name_is_accepted(place):
    ids = short_ids(NAMES)
    assert ids[LONG] == "2507051934"
    assert len(set(ids.values())) == len(NAMES)
    for name, short in ids.items():
        assert open_run(short).name == name
        assert len(short) <= 12
