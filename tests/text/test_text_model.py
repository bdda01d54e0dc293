"""The text model: what it learns, what it keeps of the texts, its files, and files of somebody else."""

import json

import numpy as np
import pytest
from drawn_texts import CLASSES, draw_texts
from safetensors.numpy import load_file, save_file

from munseo._errors import UserError
from munseo._text.text_model import UNSEEN, VOCABULARY, WEIGHTS, TextModel


def test_pages_are_told_apart_by_words_and_by_half_of_them_misread(trained):
    texts, labels = draw_texts(30, 2)
    rows = trained.probabilities(texts)
    assert rows.shape == (30, 3)
    assert rows.dtype == np.float32
    assert np.allclose(rows.sum(axis=1), 1, atol=1e-5)
    assert (rows.argmax(axis=1) == labels).all()
    misspelt = [text.replace("e", "c").replace("금", "") for text in texts]
    assert (trained.probabilities(misspelt).argmax(axis=1) == labels).mean() > 0.8


def test_the_same_texts_give_the_same_bits_and_a_page_does_not_depend_on_the_others(trained):
    texts, labels = draw_texts(45, 1)
    again = TextModel.fit(texts, labels, CLASSES, min_pages=4)
    assert np.array_equal(again.coefficients, trained.coefficients)
    other, _ = draw_texts(7, 3)
    together = trained.probabilities(["", *other])
    assert np.array_equal(together[1:], np.concatenate([trained.probabilities([text]) for text in other]))


def test_nothing_on_fewer_pages_than_asked_for_is_in_the_model(trained):
    known = {ngram for ngrams in trained.features.ngrams.values() for ngram in ngrams}
    assert "dear" in known
    assert not [ngram for ngram in known if "zq" in ngram and len(ngram) > 4]
    assert not [ngram for ngram in known if any(c.isdigit() and c != "0" for c in ngram)]


def test_a_model_comes_back_from_its_folder_as_it_was(trained, tmp_path):
    trained.save(tmp_path / "text")
    assert sorted(file.name for file in (tmp_path / "text").iterdir()) == [VOCABULARY, WEIGHTS]
    texts, _ = draw_texts(5, 4)
    assert np.array_equal(TextModel.load(tmp_path / "text").probabilities(texts), trained.probabilities(texts))


def test_a_class_without_words_is_improbable_and_two_classes_have_opposite_weights():
    texts, labels = draw_texts(40, 5)
    two = [(text, label) for text, label in zip(texts, labels, strict=True) if label < 2]
    model = TextModel.fit([t for t, _ in two], [label for _, label in two], CLASSES, min_pages=3)
    assert model.intercepts[2] == UNSEEN
    assert np.array_equal(model.coefficients[0], -model.coefficients[1])
    assert (model.probabilities([t for t, _ in two]).argmax(axis=1) == [label for _, label in two]).all()


@pytest.mark.parametrize(
    ("texts", "labels", "min_pages", "message"),
    [
        (["", "  ", "word"], [0, 1, 1], 2, "1 of 3 training pages have words, and they are not of two classes"),
        (["one", "two"], [0, 1], 5, "no n-gram stands on 5 of the 2 training pages with words"),
    ],
)
def test_too_few_words_are_refused(texts, labels, min_pages, message):
    with pytest.raises(UserError, match=message):
        TextModel.fit(texts, labels, CLASSES, min_pages)


def _edit(change):
    def edit(folder):
        file = folder / VOCABULARY
        values = json.loads(file.read_text("utf-8"))
        change(values)
        file.write_text(json.dumps(values), "utf-8")

    return edit


def _tensor(name, change):
    def edit(folder):
        tensors = load_file(folder / WEIGHTS)
        tensors[name] = change(tensors[name].copy())
        save_file(tensors, folder / WEIGHTS)

    return edit


HOSTILE = {
    "no list": _edit(lambda values: values.update(words="dear")),
    "a number among the words": _edit(lambda values: values["words"].append(3)),
    "a word twice": _edit(lambda values: values["words"].append(values["words"][0])),
    "an endless word": _edit(lambda values: values["words"].append("a" * 10_000)),
    "a word more than weights": _edit(lambda values: values["words"].append("more")),
    "another format": _edit(lambda values: values.update(format=99)),
    "no JSON": lambda folder: (folder / VOCABULARY).write_text("[", "utf-8"),
    "deep JSON": lambda folder: (folder / VOCABULARY).write_text("[" * 100_000, "utf-8"),
    "no vocabulary": lambda folder: (folder / VOCABULARY).unlink(),
    "not finite": _tensor("coefficients", lambda values: values * np.float32("nan")),
    "another shape": _tensor("intercepts", lambda values: values[:-1].copy()),
    "another type": _tensor("rarities", lambda values: values.astype(np.float64)),
    "no safetensors": lambda folder: (folder / WEIGHTS).write_bytes(b"\x80\x04pickle"),
}


@pytest.mark.parametrize("damage", HOSTILE.values(), ids=HOSTILE)
def test_files_that_munseo_did_not_write_are_refused_by_name(trained, tmp_path, damage):
    trained.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(UserError, match="not a text model that Munseo wrote"):
        TextModel.load(tmp_path)
