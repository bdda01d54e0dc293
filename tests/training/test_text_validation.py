"""A run with words: trained on a column of text, judged, predicted, and what it does where there are no words."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from starlette.testclient import TestClient

import munseo
from munseo import Config, UserError
from munseo._evaluation.fusion_tables import read_sides
from munseo._evaluation.held_out import held_out, validated_pipeline
from munseo._prediction import PredictOptions, Predictor
from munseo._prediction.submission import predict_submission
from munseo._run import open_run
from munseo._service.admission import Limits
from munseo._service.service import build

CLASSES = ("invoice", "letter", "recipe")
WORDS = {
    "invoice": ["total", "amount", "due", "tax", "payment", "청구서"],
    "letter": ["dear", "sincerely", "madam", "regards", "thank", "드림"],
    "recipe": ["flour", "sugar", "butter", "oven", "bake", "설탕"],
}
NUM_TRAIN, NUM_VAL, NUM_TEST = 45, 60, 12


def draw_page(file, label, rng):
    """A page of noise that says a little about its class by its darkness."""
    level = 150 + 25 * label + int(rng.integers(-60, 60))
    pixels = np.clip(rng.normal(level, 30, (48, 48)), 0, 255).astype(np.uint8)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)


def draw_text(label, rng, without_words):
    if rng.random() < without_words:
        return ""
    name = f"Person{''.join(chr(97 + int(d)) for d in rng.integers(0, 26, 6))}"
    return " ".join(
        rng.permutation([*rng.choice(WORDS[CLASSES[label]], 5), *rng.choice(["the", "of", "and"], 4), name])
    )


def draw_set(folder):
    """Three classes whose words differ more clearly than their pictures; a tenth of the pages has no words."""
    rng = np.random.default_rng(5)
    for table, number in (("train", NUM_TRAIN), ("val", NUM_VAL), ("sample_submission", NUM_TEST)):
        rows = []
        for index in range(number):
            name, label = f"{table}{index:02}.png", index % 3
            draw_page(folder / ("test" if table == "sample_submission" else "train") / name, label, rng)
            target = 0 if table == "sample_submission" else CLASSES[label]
            rows.append((name, target, draw_text(label, rng, 0.1)))
        pd.DataFrame(rows, columns=["ID", "target", "text"]).to_csv(folder / f"{table}.csv", index=False)


SETTINGS = {
    "model_name": "test_efficientnet.r160_in1k", "pretrained": False, "image_size": 32, "epochs": 1,
    "batch_size": 16, "device": "cpu", "num_threads": 1, "lr": 0.001, "robustness_pages": 0, "shifted_draws": 1,
    "text": "column", "text_min_pages": 4, "cache": False,
}  # fmt: skip


def config_of(data, runs, **changes):
    return Config(**{"data_dir": data, "runs_dir": runs, **SETTINGS, **changes})


@pytest.fixture(scope="module")
def data(made_once):
    return made_once("text-data", draw_set)


@pytest.fixture(scope="module")
def run(run_made_once, data):
    return run_made_once("text-run", lambda folder: munseo.train(config_of(data, folder)))


def test_a_run_with_words_is_judged_by_what_predicts(run):
    results = run.read_results()
    text = results.text
    assert text.used
    assert text.refused is None
    assert text.decided_on == "shifted"
    assert text.damaged_words is False
    assert text.val.fused == pytest.approx(results.val.macro_f1)
    assert text.shifted.fused == pytest.approx(results.shifted.macro_f1)
    assert text.val.value == pytest.approx(text.val.fused - text.val.image)
    assert 0 < text.shifted.interval[0] < text.shifted.value < text.shifted.interval[1]
    assert text.read["val"].num_without_words == (pd.read_csv(run.read_config().data_dir / "val.csv").text.isna()).sum()
    assert len(text.per_class) == 3
    assert text.num_better > text.num_worse
    assert results.calibration.pipeline["text"] is True
    assert results.expected is not None


def test_pages_without_words_have_the_bits_of_the_image(run):
    ids, sides = read_sides(run)
    fused = run.read_predictions(run.val_predictions_file).set_index("ID").loc[list(ids)]
    rows = fused[["p_0", "p_1", "p_2"]].to_numpy(np.float32)
    without = ~sides.has_words[0]
    assert without.sum() >= 2
    assert np.array_equal(rows[without], sides.image[0][without])
    assert (rows[~without] != sides.image[0][~without]).any(axis=1).all()


def test_the_run_folder_keeps_no_text_of_anybody(run):
    names = [
        word for text in pd.read_csv(run.read_config().data_dir / "val.csv").text.dropna() for word in text.split()
    ]
    people = {name.lower() for name in names if name.startswith("Person")}
    assert len(people) > 30
    for file in sorted(run.path.rglob("*")):
        if file.is_file() and file.suffix in (".json", ".html", ".md", ".csv", ".parquet", ".yaml"):
            content = file.read_bytes().lower()
            assert not [name for name in people if name.encode() in content], file
    assert not run.words_file.exists()


def test_a_prediction_is_that_of_validation_and_needs_no_data(run, data, tmp_path):
    predictor = Predictor.load(run, PredictOptions(device="cpu", backend="torch"))
    assert predictor.uses_text
    assert predictor.is_calibrated
    table = pd.read_csv(data / "sample_submission.csv", keep_default_na=False)
    first = predict_submission(run, [data / "sample_submission.csv"], tmp_path / "a.csv", PredictOptions(), proba=True)
    rows = pd.read_csv(first).filter(like="p_").to_numpy()
    pages = [
        predictor.prepare(np.asarray(Image.open(data / "test" / name)), text)
        for name, text in zip(table.ID, table.text, strict=True)
    ]
    assert np.allclose(predictor.probabilities(pages), rows, atol=1e-5)
    right = np.arange(NUM_TEST) % 3
    with_words = (table.text != "").to_numpy()
    assert (rows.argmax(axis=1) == right)[with_words].mean() > 0.9


def test_pages_without_any_words_are_predicted_and_judged_as_the_image_alone(run, data, tmp_path):
    for name in ("test", "sample_submission.csv"):
        (shutil.copytree if name == "test" else shutil.copy)(data / name, tmp_path / name)
    table = pd.read_csv(tmp_path / "sample_submission.csv").drop(columns="text")
    table.to_csv(tmp_path / "sample_submission.csv", index=False)
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for file, text in zip(files, (None, False), strict=True):
        munseo.predict(run.path, [tmp_path / "sample_submission.csv"], file, proba=True, text=text)
    assert files[0].read_text() == files[1].read_text()
    expected = [json.loads(file.with_suffix(".expected.json").read_text()) for file in files]
    assert expected[0] == expected[1]
    assert expected[0]["clean_val"] == pytest.approx(run.read_results().text.val.image)


def test_a_table_of_any_size_is_predicted_with_its_texts_and_goes_on_only_with_the_same(run, data, tmp_path):
    table = pd.read_csv(data / "sample_submission.csv", keep_default_na=False)
    for name in table.ID:
        shutil.copy(data / "test" / name, tmp_path / name)
    table[["ID", "text"]].to_csv(tmp_path / "list.csv", index=False)
    options = {"proba": True, "backend": "torch"}
    rows = pd.read_parquet(munseo.predict(run.path, [tmp_path / "list.csv"], tmp_path / "out.parquet", **options))
    submitted = munseo.predict(run.path, [data / "sample_submission.csv"], tmp_path / "a.csv", **options)
    columns = [f"p_{name}" for name in CLASSES]
    assert np.allclose(rows[columns], pd.read_csv(submitted)[columns], atol=1e-5)
    munseo.predict(run.path, [tmp_path / "list.csv"], tmp_path / "half.parquet", shard="0/2", **options)
    table.assign(text="other words")[["ID", "text"]].to_csv(tmp_path / "list.csv", index=False)
    with pytest.raises(UserError, match="texts_sha256"):
        munseo.predict(run.path, [tmp_path / "list.csv"], tmp_path / "half.parquet", shard="0/2", **options)
    images = munseo.predict(run.path, [tmp_path / "list.csv"], tmp_path / "image.parquet", text=False, **options)
    assert not np.allclose(pd.read_parquet(images)[columns], rows[columns], atol=1e-3)


def test_the_service_takes_the_text_of_a_file(run, data):
    predictor = Predictor.load(run, PredictOptions(device="cpu", backend="torch"))
    name = "sample_submission01.png"
    image = (data / "test" / name).read_bytes()
    text = "dear madam sincerely regards thank 드림"
    with TestClient(build(predictor, {}, Limits(), None, ["testserver"])) as client:
        files = [("file", (name, image)), ("text", (None, text)), ("file", ("without.png", image))]
        answers = client.post("/v1/predict", files=files).json()["pages"]
    assert [(answer["file"], answer["num_words"]) for answer in answers] == [(name, 6), ("without.png", 0)]
    pixels = np.asarray(Image.open(data / "test" / name))
    own = predictor.probabilities([predictor.prepare(pixels, text), predictor.prepare(pixels)])
    rows = [list(answer["probabilities"].values()) for answer in answers]
    assert np.array_equal(np.float32(rows), own)
    assert answers[0]["class_name"] == "letter"


def test_an_exported_image_network_is_fused_with_the_same_words(run, data):
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed (munseo[export])")
    munseo.export(run.path, "onnx")
    table = pd.read_csv(data / "sample_submission.csv", keep_default_na=False)
    rows = []
    for backend in ("torch", "onnx"):
        predictor = Predictor.load(run, PredictOptions(device="cpu", backend=backend))
        assert predictor.uses_text
        assert predictor.is_calibrated
        pixels = [np.asarray(Image.open(data / "test" / name)) for name in table.ID]
        prepared = [predictor.prepare(page, text) for page, text in zip(pixels, table.text, strict=True)]
        rows.append(predictor.probabilities(prepared))
    assert np.abs(rows[0] - rows[1]).max() < 1e-3
    assert (rows[0].argmax(axis=1) == rows[1].argmax(axis=1)).all()


def test_the_report_says_what_words_add_in_both_languages(run):
    for language, title, speaking in (("en", "Words on the page", "sincerely"), ("ko", "페이지의 텍스트", "sincerely")):
        report = munseo.report(run.path, lang=language).read_text("utf-8")
        assert title in report
        assert speaking in report
        assert "Person" not in report


def test_without_text_the_image_alone_predicts_and_is_calibrated_by_its_own_validation(run, data):
    alone = Predictor.load(run, PredictOptions(device="cpu", backend="torch", text=False))
    assert not alone.uses_text
    assert alone.is_calibrated
    whole = Predictor.load(run, PredictOptions(device="cpu", backend="torch"))
    pixels = np.asarray(Image.open(data / "test" / "sample_submission00.png"))
    without = whole.predict([whole.prepare(pixels, "")]).final
    assert np.array_equal(without, alone.predict([alone.prepare(pixels)]).final)
    _, sides = read_sides(run)
    assert np.array_equal(held_out(run, alone.pipeline).clean, sides.image[0])
    assert not np.array_equal(held_out(run, validated_pipeline(run)).clean, sides.image[0])


def test_evaluating_a_run_again_gives_its_score(run):
    again = munseo.evaluate(run.path)
    assert again["macro_f1"] == pytest.approx(run.read_results().val.macro_f1, abs=1e-6)


def test_a_labelled_test_set_is_judged_with_its_text(run, data, tmp_path):
    draw = tmp_path / "more"
    rng = np.random.default_rng(77)
    rows = []
    for index in range(18):
        draw_page(draw / "train" / f"new{index:02}.png", index % 3, rng)
        rows.append((f"new{index:02}.png", CLASSES[index % 3], draw_text(index % 3, rng, 0)))
    pd.DataFrame(rows, columns=["ID", "target", "text"]).to_csv(draw / "train.csv", index=False)
    scores = munseo.evaluate(run.path, draw, all_pages=True, backend="torch")
    assert scores["macro_f1"] > 0.9


def test_an_ensemble_fuses_the_words_of_those_members_that_use_them(run, data, tmp_path):
    other = open_run(munseo.train(config_of(data, tmp_path / "runs", text="none", text_min_pages=5, random_seed=3)))
    together = open_run(munseo.ensemble([run.path, other.path], tmp_path / "both", quiet=True))
    blend = Predictor.load(together, PredictOptions(device="cpu", backend="torch"))
    assert blend.uses_text
    assert blend.is_calibrated
    pixels = np.asarray(Image.open(data / "test" / "sample_submission02.png"))
    page = blend.prepare(pixels, "flour sugar butter oven bake")
    members = [Predictor.load(one, PredictOptions(device="cpu", backend="torch")) for one in (run, other)]
    rows = np.stack([member.predict([page]).final for member in members])
    assert np.allclose(blend.predict([page]).final, blend.combination(rows), atol=1e-6)
    assert not np.allclose(blend.predict([blend.prepare(pixels, "")]).final, blend.combination(rows), atol=1e-3)
    assert munseo.evaluate(together.path)["macro_f1"] == pytest.approx(together.read_results().val.macro_f1, abs=1e-6)


def test_words_that_say_nothing_are_refused_with_the_interval(tmp_path, data):
    for name in ("train", "val", "sample_submission"):
        table = pd.read_csv(data / f"{name}.csv")
        table["text"] = "the same words on all pages of any class"
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    for folder in ("train", "test"):
        shutil.copytree(data / folder, tmp_path / folder)
    path = munseo.train(config_of(tmp_path, tmp_path / "runs"))
    refused = open_run(path)
    text = refused.read_results().text
    assert not text.used
    assert text.refused == "no_gain"
    assert text.shifted.interval[0] <= 0
    assert not refused.fusion_file.exists()
    assert not Predictor.load(refused, PredictOptions(device="cpu")).uses_text
    assert "text" not in refused.read_results().calibration.pipeline


def test_files_of_the_words_side_are_checked(run):
    values = json.loads(run.fusion_file.read_text())
    before = run.fusion_file.read_text()
    run.fusion_file.write_text(json.dumps({**values, "image_weight": 1.0}))
    with pytest.raises(UserError, match="not what was written when the run ended"):
        Predictor.load(run, PredictOptions(device="cpu"))
    run.fusion_file.write_text(before)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text_column": "words"}, "no column with the text of the pages"),
        ({"text": "column", "n_folds": 2}, "text: cannot be fused with the mean of folds"),
        ({"text": "column", "second_look": True}, "text, second_look: are not measured together"),
        ({"text": "ocr", "text_column": "text"}, "text_column: is not read with text: ocr"),
    ],
)
def test_what_cannot_be_is_refused_before_a_folder_is_made(data, tmp_path, changes, message):
    with pytest.raises((UserError, ValueError)) as error:
        munseo.train(config_of(data, tmp_path / "runs", **changes))
    assert message in str(error.value)
    assert not (tmp_path / "runs").exists()
