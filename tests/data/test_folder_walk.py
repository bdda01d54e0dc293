"""What is in a folder: pages, what is left out and why, and what links lead to."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from munseo._data import DataLayout, check_images, load_pages
from munseo._data.folder_walk import FolderWalk
from munseo._data.image_check import refuse_losses
from munseo._data.input_pages import find_pages
from munseo._data.left_out import UNREAD_IMAGES, LeftOut, Reason, reason_to_leave_out
from munseo._data.stream import SourceList, list_sources
from munseo._errors import UserError
from munseo._locale import Texts

PAGE = cv2.imencode(".png", np.full((6, 8, 3), 200, np.uint8))[1].tobytes()
SYSTEM = [
    *("@eaDir/a.png@SynoEAStream", "@eaDir/thumb.jpg", ".AppleDouble/a.png", "__MACOSX/._a.png", "#recycle/a.png"),
    *("$RECYCLE.BIN/a.png", "lost+found/a.png", ".ipynb_checkpoints/a.png", "Thumbs.db", ".DS_Store", "._a.png"),
    *("System Volume Information/a.png", "@Recycle/a.png", "Desktop.ini"),
]


def fill(folder: Path, *names: str, data: bytes = PAGE) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def walked(folder: Path, **how) -> tuple[list[str], LeftOut]:
    walk = FolderWalk(folder, **how)
    return [source.id for source in walk.sources(str(folder), "")], walk.left_out


@pytest.mark.parametrize("name", SYSTEM)
def test_files_of_systems_are_neither_pages_nor_classes_nor_left_out(tmp_path, name):
    fill(tmp_path, "letter/a.png", "email/b.png", f"letter/{name}", name)
    pages = load_pages(tmp_path)
    assert pages.class_names == ("email", "letter")
    assert [page.id for page in pages.train] == ["email/b.png", "letter/a.png"]
    assert pages.notes == ()
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(name, PAGE)
        archive.writestr("a.png", PAGE)
    assert [source.id for source in SourceList([str(tmp_path / "x.zip")]).sources()] == ["x.zip/a.png"]


def test_files_without_an_extension_are_judged_by_content(tmp_path):
    fill(tmp_path, "scan", "scan.0001", "vor. Brief")
    fill(tmp_path, "xray", data=bytes(128) + b"DICM")
    fill(tmp_path, "letter", data=b"HWP Document File V3.00")
    fill(tmp_path, "packed", data=b"Rar!\x1a\x07\0")
    fill(tmp_path, "README", data=b"about these")
    fill(tmp_path, "empty", data=b"")
    names, left_out = walked(tmp_path)
    assert names == ["scan", "scan.0001", "vor. Brief", "xray"]
    assert left_out.names == {
        Reason.NO_PAGE: ["README", "empty"],
        Reason.OFFICE: ["letter"],
        Reason.ARCHIVE: ["packed"],
    }
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("scan", PAGE)
        archive.writestr("README", "about these")
    assert [source.id for source in SourceList([str(tmp_path / "x.zip")]).sources()] == ["x.zip/scan"]


@pytest.mark.parametrize("extension", sorted(UNREAD_IMAGES))
def test_formats_of_images_that_are_not_read_are_pages(tmp_path, extension):
    """They are errors as other unreadable pages are, and never missing without a word."""
    fill(tmp_path, "a.png")
    fill(tmp_path, f"b{extension.upper()}", data=b"whatever")
    pages = find_pages([tmp_path]).pages
    assert [page.id for page in pages] == ["a.png", f"b{extension.upper()}"]
    assert [page.id for page, _ in check_images(pages, "skip").skipped] == [f"b{extension.upper()}"]


def test_what_is_left_out_is_told_by_reason_with_a_remedy(tmp_path):
    folder = fill(tmp_path / "inbox", "a.png", "b.jpg~", "c.tmp")
    fill(folder, "x.hwp", "y.DOCX", "z.msg", "w.pptx", "mail.eml", "scans.7z", "scans.rar", "a.json", data=b"x")
    (folder / "again").symlink_to(folder)
    file = tmp_path / "list.parquet"
    notes = list_sources(SourceList([str(folder)]), lambda _: True, file).notes
    assert notes == find_pages([folder]).notes
    assert notes == (
        "left out: 5 office documents or messages (mail.eml, w.pptx, x.hwp, …), whose pages are not read; print or "
        "export them to PDF",
        "left out: 2 archives of kinds that are not read (scans.7z, scans.rar); unpack them, or pack them as ZIP or "
        "TAR",
        "left out: 1 links to folders (again); follow_links (--follow-links) reads what they lead to",
        "left out: 2 images whose names have another extension (b.jpg~, c.tmp); name them by their format, "
        "such as .jpg",
        "left out, because they are no pages: 1 files (a.json)",
    )
    korean = [Texts("ko", "note").remark(remark) for remark in walked(folder)[1].remarks]
    assert [str(count) in text for count, text in zip((5, 2, 1, 2, 1), korean, strict=True)] == [True] * 5
    (folder / "a.png").unlink()
    with pytest.raises(UserError, match="no images there") as caught:
        find_pages([folder])
    assert caught.value.problems == list(notes)


def test_every_reason_has_a_sentence():
    left_out = LeftOut()
    for reason in Reason:
        left_out.add("a", reason)
    assert len(set(left_out.notes)) == len(Reason)
    assert left_out.num_lost == len(Reason) - 1


def test_known_companions_of_pages_are_not_opened():
    def head() -> bytes:
        raise AssertionError("it was opened")

    for name in ("a.txt", "a.json", "a.XML", "a.hwp", "a.png", "a.heic", "a.rar"):
        reason_to_leave_out(name, head)


def test_a_class_that_loses_over_a_tenth_of_its_files(tmp_path):
    fill(tmp_path, *(f"letter/{number}.png" for number in range(18)), "email/a.png")
    fill(tmp_path, "letter/1.hwp", "letter/2.docx", "email/a.txt", "email/b.json", data=b"x")
    assert len(load_pages(tmp_path).train) == 19, "2 of 20 are a tenth; what is no page is not counted"
    fill(tmp_path, "letter/3.docx", data=b"x")
    with pytest.raises(UserError) as caught:
        load_pages(tmp_path)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(
        "letter/: 3 of 21 files that may be pages would be left out, which is over a tenth of the class (left out: 3 "
    )


@pytest.mark.parametrize(("good", "bad", "refused"), [(9, 1, False), (8, 1, True), (0, 2, True)])
def test_a_class_that_loses_over_a_tenth_of_its_pages(tmp_path, good, bad, refused):
    fill(tmp_path, *(f"letter/{number}.png" for number in range(good)), "email/a.png")
    fill(tmp_path, *(f"letter/bad{number}.psd" for number in range(bad)), data=b"x")
    pages = load_pages(tmp_path)
    checked = check_images(pages.train, "skip")
    assert len(checked.skipped) == bad
    if not refused:
        refuse_losses([checked], pages.class_names)
        return
    with pytest.raises(UserError, match="lose all or over a tenth") as caught:
        refuse_losses([checked], pages.class_names)
    assert caught.value.problems[0].startswith(f"letter: {bad} of {good + bad} pages, letter/bad0.psd first (")


def test_links_are_followed_on_request(tmp_path):
    store = fill(tmp_path / "store", "1.png", "sub/2.png")
    data = fill(tmp_path / "data", "a/x.png", "b/y.png")
    (data / "a" / "1.png").symlink_to(store / "1.png")
    (data / "a" / "more").symlink_to(store / "sub")
    (data / "a" / "circle").symlink_to(data)
    (data / "c").symlink_to(store)
    (data / "b" / "nowhere.png").symlink_to(store / "none.png")
    names, left_out = walked(data, follow_links=True)
    assert names == ["a/1.png", "a/more/2.png", "a/x.png", "b/nowhere.png", "b/y.png", "c/1.png", "c/sub/2.png"]
    assert left_out.names == {Reason.LINKED_FOLDER: ["a/circle"]}
    (data / "b" / "nowhere.png").unlink()
    (data / "a" / "circle").unlink()
    followed = load_pages(data, DataLayout(follow_links=True))
    assert followed.class_names == ("a", "b", "c")
    assert len(followed.train) == len(find_pages([data], follow_links=True).pages) == 6
    with pytest.raises(UserError):
        load_pages(data)
    with pytest.raises(UserError):
        find_pages([data])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_fifo_is_a_problem_or_left_out_but_never_opened(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    os.mkfifo(tmp_path / "pipe")
    walk = FolderWalk(tmp_path)
    assert [(source.id, source.problem.code) for source in walk.sources(str(tmp_path), "")] == [("a.png", "not_a_file")]
