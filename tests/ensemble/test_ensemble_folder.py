"""The ensemble as a run folder: it predicts as its members do, wherever the folder is."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from simulated import NAMES, simulate
from typer.testing import CliRunner

from munseo import UserError, ensemble, evaluate, export, predict, runs
from munseo._commands.app import app
from munseo._data import load_pages
from munseo._ensemble import align, judge, read_members, write_ensemble
from munseo._ensemble.ensemble_folder import choose_folder
from munseo._evaluation import summarise
from munseo._evaluation.held_out import judges_its_predictions
from munseo._prediction import InferenceSetup
from munseo._prediction.combination import is_ensemble, read_combination
from munseo._prediction.predictor import PredictOptions, Predictor
from munseo._run import open_run

CPU = InferenceSetup(torch.device("cpu"))


@pytest.fixture(scope="session")
def blend(finished, renumbered, tmp_path_factory):
    """An ensemble of a trained run and a sibling that numbers the classes otherwise; tests only read it."""
    return open_run(ensemble([finished.path, renumbered.path], tmp_path_factory.mktemp("blend") / "blend", quiet=True))


@pytest.fixture
def halves(blend, tmp_path):
    """A copy of it with weights that nobody fitted, so that both members count."""
    run = open_run(shutil.copytree(blend.path, tmp_path / "elsewhere" / "halves"))
    entry = run.read_manifest()["ensemble"]
    for member, weight in zip(entry["members"], (0.3, 0.7), strict=True):
        member["weight"] = weight
    run.update_manifest(ensemble=entry)
    return run


def _write(name, paths, method="weights"):
    """Make an ensemble of written members, without plots and report."""
    from datetime import UTC, datetime

    aligned = align(read_members(paths))
    judgement = judge(aligned, method, seed=0)
    path = choose_folder(name, aligned.members)
    return write_ensemble(path, aligned, judgement, 0, ["munseo"], datetime.now(UTC)), aligned, judgement


def test_it_predicts_exactly_the_weighted_mean_of_its_members(halves, finished, renumbered, documents):
    pages = load_pages(documents).test
    first, second = (Predictor.load(run) for run in (finished, renumbered))
    place = [second.card.class_names.index(name) for name in first.card.class_names]
    assert place != sorted(place), "the members number the classes differently"
    a, b = first.predict(pages).final, second.predict(pages).final[:, place]
    predictor = Predictor.load(halves)
    assert predictor.card.class_names == first.card.class_names
    together = predictor.predict(pages).final
    assert together.dtype == np.float32
    assert (together == (0.3 * a.astype(np.float64) + 0.7 * b.astype(np.float64)).astype(np.float32)).all()
    views = [set(run.views) for run in predictor.runs]
    assert views[0] == {"identity"}
    assert len(views[1]) > 1, "each member is seen through its own views"


def test_the_command_predicts_it_after_the_originals_are_gone(halves, documents, tmp_path):
    moved = tmp_path / "another machine"
    before = Predictor.load(halves)
    shutil.move(halves.path, moved)
    both = pd.read_csv(predict(moved, [documents / "test"], tmp_path / "both.csv", proba=True, quiet=True))
    both = both.set_index("ID")
    columns = [name for name in both.columns if name.startswith("p_")]
    assert len(columns) == 17
    pages = load_pages(documents).test
    expected = before.calibrated(before.predict(pages).final)
    assert np.allclose(both.loc[[page.id for page in pages], columns], expected, atol=2e-6)
    names = pd.read_csv(documents / "meta.csv").set_index("target")["class_name"]
    assert [f"p_{names[target]}" for target in both["target"]] == both[columns].idxmax(axis=1).tolist()


def test_ordinary_runs_answer_to_the_last_bit_as_before(finished, documents):
    from munseo._prediction import load_members, predict_run

    pages = load_pages(documents).test
    predictor = Predictor.load(finished)
    assert predictor.combination is None
    rows = predict_run(load_members(finished), pages, CPU, ("identity",))
    assert (predictor.predict(pages).final == rows).all()


def test_it_is_a_run_among_runs(blend, finished):
    manifest = blend.read_manifest()
    assert (manifest["kind"], manifest["status"], manifest["name"]) == ("ensemble", "finished", "blend")
    assert [member["folder"] for member in manifest["ensemble"]["members"]] == ["members/0", "members/1"]
    assert len(manifest["ensemble"]["members"][0]["sha256"]["weights.safetensors"]) == 64
    results = blend.read_json(blend.results_file)
    table = runs(blend.path.parent)
    assert table["name"].tolist() == ["blend"]
    assert table["val_macro_f1"][0] == pytest.approx(results["val"]["macro_f1"])
    stored = blend.read_predictions(blend.val_predictions_file)
    rows = stored.filter(like="p_").to_numpy()
    again = summarise(stored["target"].to_numpy(np.int64), rows, blend.read_json(blend.model_file)["class_names"])
    assert again["macro_f1"] == pytest.approx(results["val"]["macro_f1"])
    assert set(stored["ID"]) == set(finished.read_predictions(finished.val_predictions_file)["ID"])
    assert results["ensemble"]["conclusion"] in ("better", "not distinguishable", "worse")
    for name in ("report.html", "report.ko.md", "val_confusion_matrix.png", "gallery/pages.json"):
        assert (blend.path / name).is_file()


def test_evaluation_measures_it_again_out_of_fold(blend):
    stored = blend.read_json(blend.results_file)["val"]
    again = evaluate(blend.path, quiet=True)
    assert again["confusion"] == stored["confusion"]
    assert again["loss"] == pytest.approx(stored["loss"], rel=1e-5)


def test_k_fold_members_are_judged_by_the_fold_that_held_the_page_out(make_run, tmp_path):
    members = [make_run(n_folds=2, class_imbalance=None, image_size=size).path for size in (32, 48)]
    run, _, _ = _write(tmp_path / "folds", members)
    assert len(Predictor.load(run).runs[0].classifiers) == 2
    again = evaluate(run.path, quiet=True)
    assert again["loss"] == pytest.approx(run.read_json(run.results_file)["val"]["loss"], rel=1e-5)
    assert not judges_its_predictions(run), "single folds were judged, and their mean predicts"
    assert not {"calibration", "expected"} & set(run.read_json(run.results_file))
    assert any(note.key == "out_of_fold" for note in run.read_results().ensemble.notes)
    with pytest.raises(UserError, match="No pages were held out of all folds"):
        Predictor.load(run, PredictOptions(target_precision=0.5))
    alone = open_run(members[0])
    stored = alone.read_predictions(alone.val_predictions_file)
    names = alone.read_json(alone.fold(0).model_file)["class_names"]
    rows = stored.filter(like="p_").to_numpy()
    expected = summarise(stored["target"].to_numpy(np.int64), rows, names)
    of_member = evaluate(alone.path, quiet=True)
    assert of_member["confusion"] == expected["confusion"], "each page by the fold that was not trained on it"
    assert of_member["loss"] == pytest.approx(expected["loss"], rel=1e-5)


def test_k_fold_members_are_judged_by_the_mean_of_their_folds(make_run, tmp_path, documents):
    members = [make_run(held_out=True, n_folds=2, class_imbalance=None, image_size=size) for size in (32, 48)]
    run, aligned, judgement = _write(tmp_path / "means", [member.path for member in members])
    held_out = members[0].read_predictions(members[0].held_out_predictions_file)
    assert set(aligned.ids) == set(held_out["ID"])
    known = {page.id: page for page in load_pages(documents).train}
    predicted = Predictor.load(run).predict([known[page_id] for page_id in aligned.ids]).final
    assert np.allclose(judgement.combination(aligned.rows), predicted, atol=1e-6), "members predict as they were judged"
    results = run.read_results()
    assert results.ensemble.judged_by_mean
    assert results.calibration.temperature is not None
    assert results.val.num_pages == len(aligned.ids)
    assert evaluate(run.path, quiet=True)["loss"] == pytest.approx(results.val.loss, rel=1e-5)


def test_a_stack_is_kept_and_read_back(write_member):
    rows, labels = simulate(120, (1.0, 1.3))
    paths = [write_member(f"m{number}", labels, row) for number, row in enumerate(rows)]
    run, aligned, judgement = _write("stacked", paths, "stack")
    assert run.path == paths[0].parent / "stacked"
    assert (read_combination(run)(aligned.rows) == judgement.combination(aligned.rows)).all()
    entry = run.read_json(run.results_file)["ensemble"]
    assert entry["method"] == "stack"
    assert [member["weight"] for member in entry["members"]] == [None, None]
    (run.path / "stack.safetensors").write_bytes(b"broken")
    with pytest.raises(UserError, match=r"stack\.safetensors: not a stack"):
        read_combination(run)


def test_members_inside_can_be_combined_anew(write_member):
    rows, labels = simulate(60, (1.0, 1.0))
    paths = [write_member(f"m{number}", labels, row) for number, row in enumerate(rows)]
    run, _, _ = _write("first", paths)
    inside = [run.path / "members" / str(number) for number in (0, 1)]
    again, aligned, _ = _write(run.path.parent / "second", inside)
    assert is_ensemble(again)
    assert np.allclose(aligned.rows, rows, atol=1e-6)
    with pytest.raises(UserError, match="is an ensemble itself; give its members instead: m0 m1"):
        read_members([run.path, paths[0]])


def test_nothing_is_left_of_an_ensemble_that_fails(write_member, monkeypatch):
    rows, labels = simulate(60, (1.0, 1.0))
    paths = [write_member(f"m{number}", labels, row) for number, row in enumerate(rows)]
    monkeypatch.setattr("munseo._ensemble.ensemble_folder.copy_gallery", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        _write("broken", paths)
    assert sorted(path.name for path in paths[0].parent.iterdir()) == ["m0", "m1"]
    with pytest.raises(UserError, match="m1: exists already"):
        _write("m1", paths)


def test_weights_that_were_tampered_with_are_refused(halves):
    entry = halves.read_manifest()["ensemble"]
    entry["members"][0]["weight"] = 0.9
    halves.update_manifest(ensemble=entry)
    with pytest.raises(UserError, match="sum to 1"):
        Predictor.load(halves)


def test_the_command_says_that_equal_members_are_not_better(write_member, capsys):
    rows, labels = simulate(80, (1.0,))
    paths = [write_member(name, labels, rows[0], NAMES) for name in ("a", "b")]
    done = CliRunner().invoke(app, ["ensemble", *map(str, paths), "-o", "twins"], catch_exceptions=False)
    assert done.exit_code == 0
    assert Path(done.stdout.strip().splitlines()[-1]) == paths[0].parent / "twins"
    said = " ".join((done.output + capsys.readouterr().err).split())
    assert "do not show that the ensemble is better than the best member of each fold" in said or (
        "do not show that the ensemble is better than its best member, a" in said
    )
    assert "Members that can be dropped, because the others are as good without them: b" in said


@pytest.fixture
def in_folds(make_run):
    return make_run(n_folds=2)


@pytest.mark.parametrize("kind", ["halves", "in_folds"])
def test_all_of_its_models_are_exported_and_answer_alike(kind, request, documents):
    run = request.getfixturevalue(kind)
    folders = export(run.path, "onnx", quiet=True)
    assert len(folders) == 2
    assert all(run.path in folder.parents and folder.name == "onnx" for folder in folders)
    pages = load_pages(documents).test
    predictors = [Predictor.load(run, PredictOptions(backend=backend)) for backend in ("torch", "onnx")]
    by_torch, by_engine = (one.predict(pages).final for one in predictors)
    assert 0 < np.abs(by_torch - by_engine).max() < 1e-4, "exactly equal would mean that torch answered twice"
