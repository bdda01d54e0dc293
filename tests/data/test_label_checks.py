"""Two spellings of one class, several classes in one label, and IDs that a spreadsheet took for numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from munseo._data import DataLayout, find_pages, load_pages
from munseo._data.label_checks import joined_classes, label_key, one_hot_columns
from munseo._data.stream.source_list import SourceList
from munseo._data.tables import read_table
from munseo._errors import UserError
from munseo._locale import Texts

CASES = Path(__file__).parents[3] / "shared" / "cases" / "data"
PAGES = [f"train/{number}.jpg" for number in range(12)]
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="shared/cases/data is not beside this checkout")


@pytest.fixture
def notes_of(make_data):
    """Return the notes on a table with these labels, one page each."""

    def notes(labels, **tables):
        rows = "".join(f'{number},"{label}"\n' for number, label in enumerate(labels))
        return load_pages(make_data(PAGES, train=f"ID,target\n{rows}", **tables)).notes

    return notes


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *(("Letter", "letter"), ("ＬETTER", "letter"), ("lette\u200br", "letter"), ("\ufeffletter", "letter")),
        *(("07", "7"), ("class_007", "class_7"), ("０７", "7"), ("STRASSE", "straße"), ("영수증\u3164", "영수증")),
        *(("bank  form", "bank form"), ("bank\u00a0form", "bank form"), ("ｶﾀ", "カタ"), ("x\ufe0f", "x")),
    ],
)
def test_labels_that_look_alike_have_one_key(one, other):
    assert label_key(one) == label_key(other)


@pytest.mark.parametrize(("one", "other"), [("1", "10"), ("0", ""), ("1.05", "1.5"), ("letter", "letters"), ("é", "e")])
def test_labels_that_differ_have_two_keys(one, other):
    assert label_key(one) != label_key(other)


@given(st.text(max_size=12))
def test_a_key_is_its_own_key(label):
    assert label_key(label_key(label)) == label_key(label)


def test_variants_are_told_once_with_their_numbers_of_pages(notes_of):
    (note,) = notes_of(["letter", "Letter", "letter", "bill", "ｂill", "00", "0"])
    assert "'Letter' (1) · 'letter' (2)" in note
    assert "'bill' (1) · 'ｂill' (1)" in note
    assert "'0' (1) · '00' (1)" in note
    assert "대소문자" in Texts("ko", "data").translate(note)
    assert notes_of(["letter", "bill", "10", "1"]) == ()


def test_invisible_characters_are_shown_and_many_groups_are_counted(notes_of):
    assert r"'a\u200b' (1)" in notes_of(["a", "a\u200b", "b"])[0]
    (note,) = notes_of([sign for letter in "abcdef" for sign in (letter, letter.upper())])
    assert "… (6)" in note


def test_a_variant_of_a_class_of_meta_is_named(make_data):
    meta = "target,class_name\n3,Letter\n11,bill\n"
    with pytest.raises(UserError) as caught:
        load_pages(make_data(PAGES, train="ID,target\n0,03\n1,ｌetter\n2,11\n", meta=meta))
    assert [line.rpartition(";")[2] for line in caught.value.problems] == [
        " did you mean '3'?",
        " did you mean 'Letter'?",
    ]


@pytest.mark.parametrize(
    ("label", "parts"),
    [
        *(("letter|email", ("letter", "email")), ("a ; b", ("a", "b")), ("['a', 'b']", ("a", "b"))),
        *(('["가", "나"]', ("가", "나")), ("letter", ()), ("|a", ()), ("[a, b", ("[a", "b")), ("['a']", ())),
    ],
)
def test_parts_of_a_label(label, parts):
    assert joined_classes(label) == parts


def test_a_label_of_several_classes_is_told(notes_of):
    (note,) = notes_of(["letter", "email", "letter|email", "letter|email", "bill", "letter,email"])
    assert "3 pages" in note
    assert "'letter|email'" in note
    assert "one class here" in note
    assert "한 페이지에 클래스가" in Texts("ko", "data").translate(note)


def test_lists_and_combinations_that_never_come_apart(notes_of):
    assert "2 pages" in notes_of(["a|b", "b|c", "d"])[0]
    assert "1 pages" in notes_of(["['a', 'b']", "a", "d"])[0]


def test_a_class_whose_name_contains_a_sign_is_left_alone(notes_of):
    assert notes_of(["R&D", "fax/letter", "letter", "profit+loss", "A|B"]) == ()
    assert notes_of(["0", "1"], meta="target,class_name\n0,letter\n1,letter|email\n") == ()


def test_a_joined_label_that_meta_lacks(make_data):
    with pytest.raises(UserError, match="a page has one class here: keep one of 2"):
        load_pages(make_data(PAGES, train="ID,target\n0,0|1\n1,1\n", meta="target,class_name\n0,letter\n1,bill\n"))


def test_a_column_for_each_class(make_data):
    table = "ID,letter,email,pages\n0,1,0,3\n1,0,1,1\n2,1,1,0\n3,0,0,9\n"
    with pytest.raises(UserError) as caught:
        load_pages(make_data(PAGES, train=table))
    assert caught.value.problems == [
        "train.csv: there is no column 'target', but 2 columns of 0 and 1 ('letter', 'email'). A page has one class "
        "here: write its name into one column. 1 rows have several classes and 1 none; give each of these one class, "
        "or leave it out"
    ]


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_columns_of_true_and_false(tmp_path, kind):
    rows = [{"file_name": f"{n}.jpg", "a": n == 0, "b": n != 0, "empty": None} for n in range(3)]
    file = tmp_path / f"t.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), file)
    else:
        file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = one_hot_columns(read_table(file), "file_name")
    assert (found.names, found.num_several, found.num_none) == (("a", "b"), 0, 0)


def test_columns_with_a_mark_for_each_class(make_data):
    with pytest.raises(UserError, match=r"2 columns of 0 and 1 \('letter', 'email'\)"):
        load_pages(make_data(PAGES, train="ID,letter,email,note,more\n0,x,,,\n1,,X,,\n"))


def test_an_ordinary_table_without_labels_is_not_taken_for_one(make_data):
    with pytest.raises(UserError, match="there is no column 'target' \\(columns"):
        load_pages(make_data(PAGES, train="ID,kind,checked\n0,letter,1\n1,bill,0\n"))


def test_a_page_with_two_labels_is_told_both(make_data):
    with pytest.raises(UserError) as caught:
        load_pages(make_data(PAGES, train="ID,target\n0,letter\n1,bill\n0,bill\n1,bill\n"))
    first, second = caught.value.problems
    assert first.endswith("it is 'letter' there and 'bill' here, but a page has one class: keep one of the rows")
    assert second.endswith("duplicate ID (first at train.csv:3)")


@pytest.mark.parametrize(
    ("written", "file"),
    [
        *(("123", "00123.jpg"), ("123.jpg", "00123.jpg"), ("123.0", "00123.jpg"), ("7", "0007.PNG")),
        *(("12345678901234500", "12345678901234567.jpg"), ("1.23457E+16", "12345678901234567.jpg")),
        *(("1.23e+16", "12345678901234567.jpg"), ("7a", "07a.png")),
    ],
)
def test_an_id_that_was_taken_for_a_number_is_recognised(make_data, written, file):
    data = make_data([f"train/{file}", "train/b.jpg"], train=f"ID,target\n{written},0\nb,1\n")
    with pytest.raises(UserError) as caught:
        load_pages(data)
    (problem,) = caught.value.problems
    assert f"did you mean {file}?" in problem
    assert "make its column text" in problem


def test_several_likely_files_are_named_and_any_other_name_is_not(make_data):
    data = make_data(["01.jpg", "001.jpg", "2.jpg"], train="ID,target\n1,0\n2,1\n10,1\n")
    with pytest.raises(UserError) as caught:
        load_pages(data)
    assert "did you mean 001.jpg, 01.jpg?" in caught.value.problems[0]
    assert "did you mean" not in caught.value.problems[1]


def test_the_likely_file_is_named_in_prediction_too(make_data):
    data = make_data(["00123.jpg"])
    table = data / "ids.csv"
    table.write_text("ID\n123\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"did you mean 00123\.jpg"):
        find_pages([table])
    (source,) = SourceList([str(table)]).sources()
    assert "00123.jpg" in str(source.problem)


@needs_cases
@pytest.mark.parametrize("name", ["case", "pad", "wide"])
def test_shared_variants(name):
    pages = load_pages(CASES / "06-case-and-zero-variants-of-labels", DataLayout(train_table=f"train-{name}.csv"))
    (note,) = [note for note in pages.notes if "differ only" in note]
    assert note.count("·") == 3


@needs_cases
@pytest.mark.parametrize("name", ["pipe", "twice", "onehot"])
def test_shared_pages_of_several_classes(name):
    layout, data = DataLayout(train_table=f"train-{name}.csv"), CASES / "07-multilabel"
    if name == "pipe":
        assert any("one class here" in note for note in load_pages(data, layout).notes)
        return
    with pytest.raises(UserError) as caught:
        load_pages(data, layout)
    assert all("page has one class" in line for line in caught.value.problems)
