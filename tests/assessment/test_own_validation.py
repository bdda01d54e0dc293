"""The validation of a run is measured again on the same pages, whatever else the data folder holds now."""

import shutil

import pandas as pd
import pytest

from munseo import UserError, evaluate


@pytest.fixture(scope="session")
def stored(finished):
    """What training measured."""
    return finished.read_json(finished.results_file)["val"]


def test_pages_that_were_added_do_not_change_the_split(finished, own_documents, stored):
    table = pd.read_csv(own_documents / "train.csv")
    truth = pd.read_csv(own_documents / "test_labels.csv")
    for page_id in truth["ID"]:
        shutil.copyfile(own_documents / "test" / page_id, own_documents / "train" / f"new_{page_id}")
    added = pd.concat([table, truth.assign(ID="new_" + truth["ID"])])
    added.to_csv(own_documents / "train.csv", index=False)
    again = evaluate(finished.path, own_documents, quiet=True)
    assert again["num_pages"] == stored["num_pages"]
    assert again["confusion"] == stored["confusion"]
    assert again["loss"] == pytest.approx(stored["loss"], rel=1e-6)


def test_pages_are_found_by_content_and_classes_by_name(finished, by_class, pages_of, documents, stored):
    held_out = pages_of.index[pages_of["part"] == "val"]
    moved = by_class(held_out)
    (moved / "000_first").mkdir()  # a class that the run does not know, and that moves the number of every other one
    page = next((documents / "test").glob("*.jpg"))
    shutil.copyfile(page, moved / "000_first" / page.name)
    again = evaluate(finished.path, moved, quiet=True)
    assert again["confusion"] == stored["confusion"]
    assert again["loss"] == pytest.approx(stored["loss"], rel=1e-6)


def test_a_folder_of_training_pages_is_refused(finished, own_documents, pages_of):
    table = pd.read_csv(own_documents / "train.csv")
    held_out = pages_of.index[pages_of["part"] == "val"]
    table[~table["ID"].isin(held_out)].to_csv(own_documents / "train.csv", index=False)
    with pytest.raises(UserError, match="does not hold the validation pages") as error:
        evaluate(finished.path, own_documents, quiet=True)
    assert sorted(error.value.problems) == [f"{page_id}: not in the data" for page_id in sorted(held_out)]


def test_changed_labels_and_images_are_named(finished, own_documents, pages_of, class_names):
    held_out = pages_of[pages_of["part"] == "val"]
    relabelled, replaced = held_out.index[:2]
    label = int(held_out.loc[relabelled, "target"])
    table = pd.read_csv(own_documents / "train.csv").set_index("ID")
    table.loc[relabelled, "target"] = (label + 1) % len(class_names)
    table.reset_index().to_csv(own_documents / "train.csv", index=False)
    other = held_out.index[2]
    shutil.copyfile(own_documents / "train" / other, own_documents / "train" / replaced)
    with pytest.raises(UserError) as error:
        evaluate(finished.path, own_documents, quiet=True)
    now, before = class_names[(label + 1) % len(class_names)], class_names[label]
    assert sorted(error.value.problems) == sorted([
        f"{relabelled}: labelled {now!r} now, and {before!r} when the run was trained",
        f"{replaced}: another image than when the run was trained",
    ])  # fmt: skip


def test_options_of_a_test_set_are_refused_without_one(finished):
    with pytest.raises(UserError, match=r"^name, on_bad_image: only used with --all or --table"):
        evaluate(finished.path, name="mine", on_bad_image="skip", quiet=True)


def test_a_run_is_not_compared_with_itself(finished):
    with pytest.raises(UserError, match="the same run folder; give two"):
        evaluate(finished.path, all_pages=True, against=finished.path, quiet=True)
