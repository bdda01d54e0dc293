"""An export that is replaced is there at any time, as the old one or as the new one."""

from __future__ import annotations

import threading

import pytest

from munseo._engines import export_folder
from munseo._engines.export_folder import drafts, has_export, place
from munseo._run import RunFolder
from munseo._run.atomic import exchange


def replace_often(run, times):
    for number in range(times):
        with drafts([run], "onnx") as folders:
            (folders[0] / "model.onnx").write_text(str(number))
            place([run], "onnx", folders)


@pytest.mark.parametrize("can_exchange", [True, False])
def test_readers_find_an_export_while_it_is_replaced(tmp_path, monkeypatch, can_exchange):
    """Without the exchange, the folder itself is missing between the two renames; ``has_export`` waits for it."""
    run = RunFolder(tmp_path)
    if not can_exchange:
        monkeypatch.setattr(export_folder, "exchange", lambda *_: False)
    replace_often(run, 1)
    writer = threading.Thread(target=replace_often, args=(run, 150))
    writer.start()
    looks = missing = 0
    while writer.is_alive():
        looks += 1
        missing += not (run.export_dir("onnx").is_dir() if can_exchange else has_export(run, "onnx"))
    writer.join()
    assert looks > 20
    assert missing == 0
    assert (run.export_dir("onnx") / "model.onnx").read_text() == "149"
    assert [path.name for path in run.export_dir("onnx").parent.iterdir()] == ["onnx"], "nothing is left behind"


def test_a_run_without_an_export_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(export_folder.time, "sleep", lambda _: pytest.fail("there is nothing to wait for"))
    run = RunFolder(tmp_path)
    assert not has_export(run, "onnx")
    run.export_dir(".openvino.1.old.draft").mkdir(parents=True)
    assert not has_export(run, "onnx")


def test_what_a_killed_process_left_is_not_waited_for_without_end(tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(export_folder.time, "sleep", pauses.append)
    run = RunFolder(tmp_path)
    run.export_dir(".onnx.1.old.draft").mkdir(parents=True)
    assert not has_export(run, "onnx")
    assert sum(pauses) < 2


def test_two_folders_trade_their_names(tmp_path):
    first, second = tmp_path / "가", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
        (folder / "name").write_text(folder.name)
    if not exchange(first, second):
        pytest.skip("the file system of the tests cannot exchange two folders")
    assert (first / "name").read_text() == "b"
    assert (second / "name").read_text() == "가"
    assert not exchange(first, tmp_path / "absent")
