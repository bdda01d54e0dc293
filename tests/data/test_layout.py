from __future__ import annotations

import json
import sys
import unicodedata

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from munseo._config import Config
from munseo._data import DataLayout, find_pages, load_pages
from munseo._data.layout import load_labelled_pages
from munseo._data.stream.source_list import SourceList
from munseo._errors import UserError

META = "target,class_name\n1,영수증\n0,여권\n10,letter\n"


def brief(pages):
    return [(page.id, page.path.name, page.label) for page in pages]


def problems_of(data_dir, **options):
    with pytest.raises(UserError) as caught:
        load_pages(data_dir, DataLayout(**options))
    return caught.value.problems


def test_competition_layout(make_data):
    data = make_data(
        ["train/b.jpg", "train/a.jpg", "train/v.jpg", "test/2.jpg", "test/1.jpg"],
        train="ID,target\nb.jpg,10\na.jpg,0\n",
        val="ID,target\nv.jpg,영수증\n",
        meta=META,
        sample_submission="ID,target\n2.jpg,0\n1.jpg,0\n",
    )
    pages = load_pages(data)
    assert pages.class_names == ("여권", "영수증", "letter")
    assert pages.class_targets == ("0", "1", "10")
    assert brief(pages.train) == [("b.jpg", "b.jpg", 2), ("a.jpg", "a.jpg", 0)]
    assert brief(pages.val) == [("v.jpg", "v.jpg", 1)]
    assert brief(pages.test) == [("2.jpg", "2.jpg", None), ("1.jpg", "1.jpg", None)]
    assert set(pages.tables) == {"train", "val", "meta", "sample_submission"}
    assert pages.notes == ("meta.csv: class '영수증' has no training page",)


def test_missing_files_are_pages_with_a_reason_where_they_are_wanted(make_data):
    data = make_data(["train/a.png", "train/b.png"], train="ID,target\na.png,0\ngone.png,1\nb.png,1\n../x.png,0\n")
    pages = load_pages(data, keeps_missing=True)
    assert [page.id for page in pages.train] == ["a.png", "b.png"]
    assert [(one.split, one.id, one.label) for one in pages.missing] == [
        ("train", "gone.png", 1),
        ("train", "../x.png", 0),
    ]
    assert str(pages.missing[0].problem).startswith("there is no such file in train/")
    (data / "train.csv").write_text("ID,target\nx.png,0\ny.png,1\n", encoding="utf-8")
    with pytest.raises(UserError, match="Not one image was found") as caught:
        load_pages(data, keeps_missing=True)
    assert len(caught.value.problems) == 2


def test_the_least_that_is_needed(make_data):
    data = make_data(["a.png", "b.png"], train="ID,target\na.png,10\nb.png,9\n")
    pages = load_pages(data)
    assert pages.class_names == pages.class_targets == ("9", "10")
    assert pages.val is None
    assert pages.test == ()


def test_names_of_pages_are_not_kept_in_the_table_of_parts_of_paths(make_data):
    # Python interns the parts of every path; for 100,000 pages that table alone takes 15 MiB.
    data = make_data([f"{'ab'[number % 2]}/page-{number}.png" for number in range(4)])
    for page in load_pages(data).train:
        assert page.path.is_file()
        assert sys.intern("".join(list(page.name))) is not page.name


def test_labels_by_name_target_or_float_and_in_either_unicode_form(make_data):
    rows = ["a,여권", "b,0", "c,0.0", f"d,{unicodedata.normalize('NFD', '여권')}", "e,10"]
    data = make_data([f"{name}.png" for name in "abcde"], train="ID,target\n" + "\n".join(rows), meta=META)
    assert [page.label for page in load_pages(data).train] == [0, 0, 0, 0, 2]


@pytest.mark.parametrize("disk", ["NFC", "NFD"])
@pytest.mark.parametrize("table", ["NFC", "NFD"])
def test_hangul_names_in_either_form(make_data, disk, table):
    name = "문서 하나.jpg"
    data = make_data(
        [f"train/{unicodedata.normalize(disk, name)}", "train/b.jpg"],
        train=f"ID,target\n{unicodedata.normalize(table, name)},0\nb.jpg,1\n",
    )
    page = load_pages(data).train[0]
    assert page.id == name
    assert page.path.is_file()


def test_extension_left_out_or_in_another_case_and_subfolders(make_data):
    data = make_data(
        ["train/a.JPG", "train/b.jpeg", "train/sub/c.v2.Tif"],
        train="ID,target\na.jpg,0\nb,1\nsub\\c.v2,1\n",
    )
    assert [page.path.name for page in load_pages(data).train] == ["a.JPG", "b.jpeg", "c.v2.Tif"]


def test_any_table_with_named_columns(make_data):
    data = make_data(["scans/x/a.png", "scans/x/b.png", "new/c.png"])
    table = pa.table({"file": ["x/a.png", "x/b.png"], "kind": ["bill", "letter"]})
    pq.write_table(table, data / "labels.parquet")
    layout = DataLayout(
        train_table="labels.parquet", id_column="FILE", target_column="kind", image_dir="scans", test_dir="new"
    )
    pages = load_pages(data, layout)
    assert pages.class_targets == ("bill", "letter")
    assert brief(pages.train) == [("x/a.png", "a.png", 0), ("x/b.png", "b.png", 1)]
    assert brief(pages.test) == [("c.png", "c.png", None)]


def test_paths_from_the_data_folder_on_and_a_val_folder(make_data):
    data = make_data(
        ["train/a.png", "train/b.png", "val/v.png"],
        train="ID,target\ntrain/a.png,0\nb.png,1\n",
        val="ID,target\nv.png,0\n",
    )
    pages = load_pages(data)
    assert [page.path.parent.name for page in (*pages.train, *pages.val)] == ["train", "train", "val"]


def test_cp949_is_said(make_data):
    data = make_data(["a.png", "b.png"], train="ID,target\na.png,여권\nb.png,영수증\n".encode("cp949"))
    pages = load_pages(data)
    assert pages.class_names == ("여권", "영수증")
    assert pages.notes == ("train.csv: read as CP949, since it is not UTF-8",)


def test_folder_per_class(make_data):
    data = make_data(["bill/2.png", "bill/1.PNG", "여권/deep/a.jpg", "test/t2.png", "test/t1.png"])
    (data / "bill" / "notes.txt").write_text("not an image")
    (data / "bill" / ".hidden.png").write_text("")
    (data / "empty").mkdir()
    pages = load_pages(data)
    assert pages.class_names == ("bill", "여권")
    assert brief(pages.train) == [
        ("bill/1.PNG", "1.PNG", 0),
        ("bill/2.png", "2.png", 0),
        ("여권/deep/a.jpg", "a.jpg", 1),
    ]
    assert brief(pages.test) == [("t1.png", "t1.png", None), ("t2.png", "t2.png", None)]
    assert pages.val is None
    assert pages.notes == (
        "left out, because they are no pages: 1 files (bill/notes.txt)",
        "left out: 1 folders without images (empty/)",
    )


def test_folder_per_class_below_train_with_val_test_and_meta(make_data):
    data = make_data(
        ["train/b/1.png", "train/a/1.png", "val/a/1.png", "test/b/9.png"],
        meta="target,class_name\n0,b\n1,a\n",
    )
    pages = load_pages(data)
    assert pages.class_names == ("b", "a")
    assert brief(pages.train) == [("train/a/1.png", "1.png", 1), ("train/b/1.png", "1.png", 0)]
    assert brief(pages.val) == [("val/a/1.png", "1.png", 1)]
    assert brief(pages.test) == [("b/9.png", "9.png", 0)]


def test_all_problems_at_once(make_data):
    data = make_data(
        ["train/a.png", "train/b.png", "train/c.jpg", "test/t.png"],
        train="ID,target\na.png,0\na.png,0\nmissing.png,0\nb.png,17\nb,1\n../up.png,1\n/etc/passwd,1\n"
        "C:\\x.png,0\n,1\nc.png,\nlong,1,2\n",
        val="ID,target\na.png,letters\n",
        meta=META + "0,again\n11,letter\n12,\n",
        sample_submission="ID,target\nt.png,0\nt.png,0\nu.png,0\n",
    )
    outside = "leaves the data folder; write the path from the image folder on, without '..'"
    assert sorted(problems_of(data)) == sorted(
        [
            "train.csv:12: has 3 values; the header has 2 columns",
            "train.csv:4: missing.png: there is no such file in train/, " + data.name + "/",
            f"train.csv:7: ../up.png: {outside}",
            f"train.csv:8: /etc/passwd: {outside}",
            f"train.csv:9: C:\\x.png: {outside}",
            "train.csv:10: the ID is empty",
            "train.csv:11: c.png: the label is empty",
            f"train.csv:11: c.png: there is no such file in train/, {data.name}/; did you mean c.jpg?",
            "train.csv:3: a.png: duplicate ID (first at train.csv:2)",
            "train.csv:6: b: is the same file as b.png (train.csv:5)",
            "train.csv:5: b.png: label '17' is not in meta.csv; known: 0, 1, 10",
            "val.csv:2: a.png: label 'letters' is not in meta.csv; did you mean 'letter'?",
            "val.csv:2: a.png: is in train too (first at train.csv:2)",
            "meta.csv:5: target '0' occurs twice",
            "meta.csv:6: class name 'letter' occurs twice",
            "meta.csv:7: the class name is empty",
            "sample_submission.csv:3: t.png: duplicate ID (first at sample_submission.csv:2)",
            "sample_submission.csv:4: u.png: there is no such file in test/",
        ]
    )


def test_the_message_counts_and_advises(make_data):
    data = make_data(["pages/a.png"], train="ID,target\na.png,0\nb.png,1\n")
    with pytest.raises(UserError) as caught:
        load_pages(data)
    assert caught.value.message == (
        f"{data}: 2 problems in the data set. Not one image was found: set image_dir to the folder that holds them."
    )


def test_unknown_column_names_the_nearest(make_data):
    data = make_data(["a.png"], train="ID,targets\na.png,0\n")
    assert problems_of(data) == [
        "train.csv:1: there is no column 'target'; did you mean 'targets'? (columns: 'ID', 'targets')"
    ]


def test_links_that_leave_the_folder(make_data, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.png").write_bytes(b"")
    data = make_data(["train/a.png", "kept/k.png"], train="ID,target\na.png,0\nl.png,1\nd/secret.png,1\nin.png,1\n")
    (data / "train" / "l.png").symlink_to(outside / "secret.png")
    (data / "train" / "d").symlink_to(outside)
    (data / "train" / "in.png").symlink_to(data / "kept" / "k.png")
    assert problems_of(data) == [
        "train.csv:3: l.png: is a link that leaves the data folder; follow_links (--follow-links) reads it",
        "train.csv:4: d/secret.png: is a link that leaves the data folder; follow_links (--follow-links) reads it",
    ]
    followed = load_pages(data, DataLayout(follow_links=True))
    assert [page.id for page in followed.train] == ["a.png", "l.png", "d/secret.png", "in.png"]


def test_a_linked_train_folder_must_be_named(make_data, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    for name in "ab":
        (outside / f"{name}.png").write_bytes(b"")
    data = make_data([], train="ID,target\na.png,0\nb.png,1\n")
    (data / "train").symlink_to(outside)
    assert "train/: is a link that leaves the data folder; name it as image_dir if that is meant" in problems_of(data)
    assert len(load_pages(data, DataLayout(image_dir="train")).train) == 2


def test_links_in_class_folders(make_data, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "x.png").write_bytes(b"")
    data = make_data(["a/1.png", "b/1.png"])
    (data / "a" / "x.png").symlink_to(outside / "x.png")
    (data / "c").symlink_to(outside)
    assert problems_of(data) == [
        "c/: is a link that leaves the data folder; follow_links (--follow-links) reads it",
        "a/x.png: is a link that leaves the folder; follow_links (--follow-links) reads it",
    ]
    followed = load_pages(data, DataLayout(follow_links=True))
    assert [page.id for page in followed.train] == ["a/1.png", "a/x.png", "b/1.png", "c/x.png"]


def test_a_folder_or_an_ambiguous_name_is_no_file(make_data):
    data = make_data(["train/x.jpg/1.png", "train/y.png", "train/y.jpg"], train="ID,target\nx.jpg,0\ny,1\n")
    assert problems_of(data) == [
        "train.csv:2: x.jpg: is a folder, not a file",
        "train.csv:3: y: could be any of y.jpg, y.png; write the whole name",
    ]


def test_what_is_missing_as_a_whole(make_data):
    data = make_data(
        ["a.png", "b.png"], train="ID,target\na.png,0\nb.png,1\n", sample_submission="ID,target\nt.png,0\n"
    )
    assert problems_of(data) == ["sample_submission.csv: lists 1 pages, but there is no folder test/"]
    assert problems_of(data, image_dir="imgs")[0] == f"image_dir: there is no folder {data / 'imgs'}"
    assert problems_of(data, test_dir="tst") == [f"test_dir: there is no folder {data / 'tst'}"]
    assert problems_of(data, val_table="v.csv")[0] == f"{data / 'v.csv'}: there is no such table."
    assert problems_of(data, train_table="t.csv")[0] == f"{data / 't.csv'}: there is no such table."
    with pytest.raises(UserError, match="there is no such data folder"):
        load_pages(data / "nowhere")


def test_neither_table_nor_class_folders(make_data):
    data = make_data(["train/a.png"], labels="ID,target\na.png,0\n")
    with pytest.raises(UserError, match=r"neither train.csv nor a folder of images per class. Name one.*: labels.csv"):
        load_pages(data)


def test_one_class_or_no_rows_is_not_enough(make_data):
    data = make_data(["a.png"], train="ID,target\na.png,x\n")
    assert problems_of(data) == ["train.csv: has one class only, 'x'; two are needed"]
    (data / "train.csv").write_text("ID,target\n")
    assert problems_of(data) == ["train.csv: has no rows below its header"]


def test_a_val_label_that_train_does_not_have(make_data):
    data = make_data(["a/1.png", "b/1.png", "val/c/1.png", "val/c/2.png"])
    assert problems_of(data) == ["val/c/: label 'c' is not in the train folders; known: a, b"]


def test_a_configuration_says_where_tables_and_images_are():
    config = Config.model_validate({"val_table": "v.csv", "id_column": "file", "test_dir": "new"})
    assert DataLayout.from_config(config) == DataLayout(val_table="v.csv", id_column="file", test_dir="new")
    assert DataLayout.from_config(Config()) == DataLayout()


def test_test_images_without_a_row_in_the_sample_submission_are_counted(make_data):
    images = ["train/a.png", "train/b.png", *(f"test/{number}.png" for number in range(9))]
    data = make_data(images, train="ID,target\na.png,0\nb.png,1\n", sample_submission="ID,target\n3.png,0\n4.png,0\n")
    pages = load_pages(data)
    assert [page.id for page in pages.test] == ["3.png", "4.png"]
    expected = (
        "sample_submission.csv: number of rows: 2; images of test/ without a row, which are not predicted: 7 "
        "(0.png, 1.png, 2.png, 5.png, 6.png, …)"
    )
    assert pages.notes == (expected,)
    for given in (data, data / "test", data / "sample_submission.csv"):
        assert find_pages([given]).notes == (expected,)


def test_without_a_test_folder_train_images_are_not_taken_for_test_images(make_data):
    data = make_data(["train/a.png", "t.png", "u.png"], sample_submission="ID,target\nt.png,0\n")
    assert find_pages([data]).notes == ()
    inbox = make_data(["inbox/t.png", "inbox/u.png"])
    (data / "sample_submission.csv").rename(inbox / "inbox" / "sample_submission.csv")
    (note,) = find_pages([inbox / "inbox"]).notes
    assert note.endswith("images of inbox/ without a row, which are not predicted: 1 (u.png)")


def labelled(pages):
    """The pages of a set as ``{ID: class name}``."""
    return {page.id: pages.class_names[page.label] for page in (*pages.train, *(pages.val or ()), *pages.test)}


def test_labelled_pages_need_no_train_split_and_no_second_class(make_data):
    data = make_data(["val/a.png", "val/b.png"], val="ID,target\na.png,letter\nb.png,letter\n")
    assert labelled(load_labelled_pages(data)) == {"a.png": "letter", "b.png": "letter"}
    with pytest.raises(UserError):
        load_pages(data)


def test_labelled_pages_of_class_folders(make_data, tmp_path):
    data = make_data(["val/letter/a.png", "train/form/b.png", "test/form/c.png", "test/other/d.png"])
    found = load_labelled_pages(data)
    assert [page.label for page in found.test] == [found.class_names.index("form"), None]
    names = {page.id: found.class_names[page.label] for page in (*found.train, *found.val)}
    assert names == {"train/form/b.png": "form", "val/letter/a.png": "letter"}


def test_one_table_alone_judges_with_the_images_of_any_split(make_data):
    data = make_data(
        ["train/a.png", "test/t.png", "test/u.png"],
        train="ID,target\na.png,0\n",
        truth="ID,target\nt.png,form\nu.png,letter\n",
        sample_submission="ID,target\nt.png,0\n",
    )
    assert labelled(load_labelled_pages(data, table="truth.csv")) == {"t.png": "form", "u.png": "letter"}


def test_an_image_name_of_two_splits_is_not_guessed(make_data):
    data = make_data(["train/a.png", "test/a.png", "test/b.png"], truth="ID,target\na.png,form\nb.png,letter\n")
    with pytest.raises(UserError) as caught:
        load_labelled_pages(data, table="truth.csv")
    assert caught.value.problems == ["truth.csv:2: a.png: is in train/, test/; say which is meant with image_dir"]
    chosen = load_labelled_pages(data, DataLayout(image_dir="test"), table="truth.csv")
    assert {page.path.parent.name for page in chosen.train} == {"test"}


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_an_image_folder_with_a_table_of_metadata(tmp_path, name):
    for split, files in (("train", ["a.png", "x/b.png"]), ("val", ["c.png"]), ("test", ["d.png"])):
        rows = []
        for number, file in enumerate(files):
            path = tmp_path / split / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
            rows.append((file, ("letter", "form")[number]))
        if split != "test":
            lines = ["file_name,label", *(",".join(row) for row in rows)]
            if name.endswith(".jsonl"):
                lines = [json.dumps({"file_name": file, "label": label}) for file, label in rows]
            (tmp_path / split / name).write_text("\n".join(lines) + "\n")
    pages = load_pages(tmp_path)
    assert pages.class_names == ("form", "letter")
    assert brief(pages.train) == [("a.png", "a.png", 1), ("x/b.png", "b.png", 0)]
    assert brief(pages.val) == [("c.png", "c.png", 1)]
    assert brief(pages.test) == [("d.png", "d.png", None)]


def test_some_other_metadata_does_not_hide_folders_of_classes(make_data):
    data = make_data(["a/1.png", "b/2.png"])
    (data / "metadata.csv").write_text("camera,owner\nX1,me\n")
    assert load_pages(data).class_names == ("a", "b")


def test_a_list_without_a_header_is_said(make_data):
    data = make_data(["images/a.tif", "images/b.tif"])
    (data / "train.txt").write_text("images/a.tif 0\nimages/b.tif 1\n")
    pages = load_pages(data, DataLayout(train_table="train.txt"))
    assert brief(pages.train) == [("images/a.tif", "a.tif", 0), ("images/b.tif", "b.tif", 1)]
    assert pages.notes == ("train.txt: has no header; its columns are taken as ID, target",)


def test_absolute_paths_into_the_image_folder(make_data, tmp_path_factory):
    data = make_data(["train/a.png", "train/x/b.png", "c.png"])
    other = tmp_path_factory.mktemp("elsewhere") / "d.png"
    other.write_bytes(b"")
    link = tmp_path_factory.mktemp("links") / "data"
    link.symlink_to(data)
    rows = [data / "train" / "a.png", link / "train" / "x" / "b.png", data / "c.png"]
    (data / "train.csv").write_text("ID,target\n" + "".join(f"{path},{n}\n" for n, path in enumerate(rows)))
    assert [page.path.name for page in load_pages(link).train] == ["a.png", "b.png", "c.png"]
    outside = [other, data / "train" / ".." / ".." / "x.png", str(data) + "-2/a.png"]
    (data / "train.csv").write_text("ID,target\n" + "".join(f"{path},1\n" for path in outside))
    problems = problems_of(data)
    assert len(problems) == 3
    assert all("leaves the data folder" in problem for problem in problems)


def test_a_table_of_pages_to_predict_may_be_any_text(make_data):
    data = make_data(["a.png", "b.png"])
    for name, text in (
        ("list.tsv", "ID\tnote\na.png\tx\n"),
        ("list.txt", "a.png 3\n"),
        ("list.jsonl", '{"ID": "a.png"}'),
    ):
        (data / name).write_text(text)
        assert [page.id for page in find_pages([data / name]).pages] == ["a.png"]
        assert [source.id for source in SourceList([str(data / name)]).sources()] == ["a.png"]
