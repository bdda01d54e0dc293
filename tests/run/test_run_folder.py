"""The run folder: names, atomic writing, clear words."""

from datetime import datetime

import pytest

from munseo._errors import UserError
from munseo._run import RunFolder, make_folder, open_run, run_name
from munseo._run.atomic import replacing, write_json, write_text


def test_the_name_is_the_references():
    name = run_name(
        datetime(2025, 7, 5, 19, 34, 25),
        model_name="efficientnet_b4.ra2_in1k",
        optimizer_name="AdamW",
        scheduler_name="CosineAnnealingLR",
        image_size=320,
        online_augmentation=True,
        augmentations=["eda"],
        class_augmentation=True,
        tta=False,
        mixed_precision=False,
    )
    assert name == (
        "2507051934-efficientnet_b4.ra2_in1k-opt_AdamW-sch_CosineAnnealingLR-img320-onaug_eda-clsaug_1-TTA_0-MP_0"
    )


def test_two_runs_in_one_minute_get_distinct_folders(tmp_path):
    made = [make_folder(tmp_path, "a") for _ in range(3)]
    assert [path.name for path in made] == ["a", "a-2", "a-3"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    file = tmp_path / "x.json"
    write_json(file, {"old": 1})

    def fail_half_way():
        with replacing(file) as temporary:
            temporary.write_text('{"new": ')
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail_half_way()
    assert RunFolder(tmp_path).read_json(file) == {"old": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_nan_becomes_null(tmp_path):
    write_json(tmp_path / "x.json", {"a": float("nan"), "b": [float("inf"), 1.5]})
    assert RunFolder(tmp_path).read_json(tmp_path / "x.json") == {"a": None, "b": [None, 1.5]}


def test_the_manifest_keeps_what_it_is_not_told(tmp_path):
    run = RunFolder(tmp_path)
    run.update_manifest(name="a", status="running")
    run.update_manifest(status="finished")
    manifest = run.read_manifest()
    assert manifest.pop("sha256")
    assert manifest == {"format": 1, "name": "a", "status": "finished"}


def test_what_is_not_a_run_folder_is_said(tmp_path):
    with pytest.raises(UserError, match="no such run folder"):
        open_run(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is not a run folder"):
        open_run(tmp_path)


def test_a_newer_format_is_refused(tmp_path):
    run = RunFolder(tmp_path)
    write_text(run.manifest_file, '{"format": 99}')
    with pytest.raises(UserError, match="newer Munseo"):
        run.read_manifest()


def test_broken_json_is_named(tmp_path):
    run = RunFolder(tmp_path)
    write_text(run.manifest_file, '{"format": ')
    with pytest.raises(UserError, match=r"manifest\.json: not valid JSON"):
        run.read_manifest()
