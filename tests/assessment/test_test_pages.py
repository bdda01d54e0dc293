"""Which labelled pages may judge a run: none that trained it, no copy of one, and only classes that it knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from munseo import UserError
from munseo._assessment.run_pages import read_run_pages
from munseo._assessment.test_pages import KnownRun, choose_test_pages
from munseo._data.layout import DataLayout, load_labelled_pages
from munseo._prediction.inference import read_card


@pytest.fixture
def choose(finished):
    """Choose among the labelled pages of a folder; ``source`` is where the training pages are looked for."""

    def chosen(folder: Path, source: Path | None = None, **changes):
        config = finished.read_config().model_copy(update=changes)
        known = KnownRun(finished, read_run_pages(finished), ((source or Path(config.data_dir), DataLayout()),))
        return choose_test_pages([known], read_card(finished), load_labelled_pages(folder), folder, config)

    return chosen


def turn(file: Path) -> None:
    """Save a page turned by a quarter, with the losses of another JPEG."""
    with Image.open(file) as image:
        turned = image.convert("RGB").transpose(Image.Transpose.ROTATE_90)
    turned.save(file, quality=80)


def ids(test) -> set[str]:
    return {page.path.name for page in test.pages}


def test_training_pages_and_their_copies_are_left_out_and_counted(choose, by_class, pages_of):
    trained = list(pages_of.index[pages_of["part"] == "train"][:4])
    held_out = list(pages_of.index[pages_of["part"] == "val"][:6])
    folder = by_class([*trained, *held_out])
    for page_id in trained[2:]:
        turn(next(folder.glob(f"*/{page_id}")))
    renamed = next(folder.glob(f"*/{trained[0]}"))
    renamed.rename(renamed.with_name("unknown.jpg"))
    test = choose(folder)
    assert ids(test) == set(held_out)
    assert (test.left_out.trained, test.left_out.near_copies, test.left_out.num_pages) == (2, 2, 4)
    assert test.left_out.num_compared == test.left_out.num_trained == (pages_of["part"] == "train").sum()
    keys = [note.key for note in test.notes]
    assert keys[:2] == ["evaluate.trained", "evaluate.near"]
    assert "evaluate.validation" in keys, "these pages chose the epoch and the temperature"


def test_without_the_training_images_equal_files_are_still_recognised(choose, by_class, pages_of, tmp_path):
    trained = list(pages_of.index[pages_of["part"] == "train"][:2])
    folder = by_class([*trained, *pages_of.index[pages_of["part"] == "val"][:3]])
    turn(next(folder.glob(f"*/{trained[1]}")))
    test = choose(folder, source=tmp_path / "gone")
    assert (test.left_out.trained, test.left_out.near_copies) == (1, 0)
    (note,) = [note for note in test.notes if note.key == "evaluate.not_compared"]
    num_trained = (pages_of["part"] == "train").sum()
    assert note.values == {"count": num_trained - 1, "pages": num_trained}, "one training page is in the folder itself"


def test_classes_are_matched_by_name_and_unknown_ones_are_named(choose, by_class, pages_of, class_names):
    held_out = pages_of[pages_of["part"] == "val"]
    kind = class_names[int(held_out["target"].iloc[0])]
    test = choose(by_class(held_out.index, {kind: "aa_bank_form"}))
    renamed = held_out["target"] == held_out["target"].iloc[0]
    assert [(entry.name, entry.count) for entry in test.left_out.unknown] == [("aa_bank_form", renamed.sum())]
    labels = {page.path.name: page.label for page in test.pages}
    assert labels == held_out.loc[~renamed, "target"].astype(int).to_dict()
    (note,) = [note for note in test.notes if note.key == "evaluate.unknown"]
    assert note.values["classes"] == f"aa_bank_form ({renamed.sum()})"
    assert next(note for note in test.notes if note.key == "evaluate.absent").values["count"] >= 1


def test_a_folder_of_one_class_may_judge(choose, by_class, pages_of):
    held_out = pages_of[pages_of["part"] == "val"]
    same = held_out.index[held_out["target"] == held_out["target"].iloc[0]]
    assert ids(choose(by_class(same))) == set(same)


def test_copies_within_the_set_are_one_group(choose, by_class, pages_of):
    held_out = list(pages_of.index[pages_of["part"] == "val"][:3])
    folder = by_class(held_out)
    original = next(folder.glob(f"*/{held_out[0]}"))
    for name in ("same.jpg", "turned.jpg"):
        original.with_name(name).write_bytes(original.read_bytes())
    turn(original.with_name("turned.jpg"))
    test = choose(folder)
    groups = dict(zip([page.path.name for page in test.pages], test.groups.tolist(), strict=True))
    assert groups[held_out[0]] == groups["same.jpg"] == groups["turned.jpg"]
    assert len(set(groups.values())) == 3


def test_one_file_with_two_labels_is_named(choose, by_class, pages_of):
    held_out = pages_of[pages_of["part"] == "val"]
    first, second = held_out.index[0], held_out.index[held_out["target"] != held_out["target"].iloc[0]][0]
    folder = by_class([first, second])
    copy = next(folder.glob(f"*/{second}")).with_name("copy.jpg")
    copy.write_bytes(next(folder.glob(f"*/{first}")).read_bytes())
    (note,) = [note for note in choose(folder).notes if note.key == "evaluate.in_doubt"]
    assert note.values["count"] == 2
    assert first in note.values["shown"]
    assert "copy.jpg" in note.values["shown"]


def test_nothing_is_judged_where_nothing_may_judge(choose, by_class, pages_of):
    folder = by_class(pages_of.index[pages_of["part"] == "train"][:5])
    with pytest.raises(UserError, match="none of its 5 labelled pages can judge") as error:
        choose(folder)
    assert len(error.value.problems) == 1
    assert error.value.problems[0].startswith("pages left out, because the run was trained on these files: 5")


def test_a_second_run_is_compared_where_it_was_not_trained(finished, by_class, pages_of):
    held_out = list(pages_of.index[pages_of["part"] == "val"][:4])
    folder, config = by_class(held_out), finished.read_config()
    own = KnownRun(finished, read_run_pages(finished), ((Path(config.data_dir), DataLayout()),))
    trained = frozenset([str(pages_of.loc[held_out[1], "sha256"])])
    other = replace(own, pages=replace(own.pages, trained=trained))
    test = choose_test_pages([own, other], read_card(finished), load_labelled_pages(folder), folder, config)
    places = {page.path.name: place for place, page in enumerate(test.pages)}
    assert test.also_trained[0].tolist() == [place == places[held_out[1]] for place in range(4)]
