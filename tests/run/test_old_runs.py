"""Run folders that an earlier version wrote are read wholly, and reported on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from munseo._config import Config
from munseo._errors import UserError
from munseo._evaluation.held_out import held_out, measured_temperature, validated_pipeline
from munseo._evaluation.judgement import judge_tables
from munseo._model import ModelCard
from munseo._prediction.decision import choose_threshold
from munseo._report import write_report
from munseo._report.facts import gather
from munseo._report.leaderboard import leaderboard
from munseo._run import RunFolder
from munseo._run.run_inputs import read_inputs

OLD_RUNS = Path(__file__).parent / "old_runs"
MEASURED = {"val", "shifted", "calibration"}
ENTRIES = {
    "single": MEASURED | {"views", "second_look", "robustness", "train", "expected"},
    "folds": MEASURED | {"views", "second_look", "robustness", "train", "expected", "folds"},
    "blend": MEASURED | {"ensemble"},
}
UNKNOWN_TODAY = {"calibration", "expected"}
"""What was measured on single folds and stated about their mean: it is not stated any more."""


@pytest.fixture
def old_runs(tmp_path: Path) -> Path:
    """A copy: reports are written into it."""
    return Path(shutil.copytree(OLD_RUNS, tmp_path / "runs", ignore=shutil.ignore_patterns("README.md")))


def written(run: RunFolder) -> dict:
    return json.loads(run.results_file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_is_read(old_runs: Path, name: str):
    run = RunFolder(old_runs / name)
    results, facts = written(run), gather(run)
    assert set(results) == ENTRIES[name]
    unknown = UNKNOWN_TODAY if name == "folds" else set()
    for entry in ENTRIES[name]:
        assert bool(getattr(facts.results, entry)) == (entry not in unknown), entry
    val = facts.results.val
    assert val.macro_f1 == results["val"]["macro_f1"]
    assert [list(row) for row in val.confusion] == results["val"]["confusion"]
    assert len(val.per_class) == 17
    if name != "blend":
        assert facts.results.train.loss == results["train"]["loss"]
        assert len(facts.class_counts) == 17
        assert facts.course.epochs_done == run.read_manifest()["course"]["epochs_done"]
    assert [fold.scores.macro_f1 for fold in facts.folds] == [fold["macro_f1"] for fold in results.get("folds", ())]


def test_of_old_folds_nothing_is_stated_that_single_folds_measured(old_runs: Path):
    run = RunFolder(old_runs / "folds")
    assert written(run)["calibration"]["temperature"] != 1
    pipeline = validated_pipeline(run)
    assert measured_temperature(run, pipeline) is None
    assert run.read_config().held_out_ratio == 0, "they were split without held-out pages"
    assert held_out(run, pipeline) is None
    with pytest.raises(UserError, match="No pages were held out of all folds"):
        choose_threshold(run, pipeline, 1.0, None, 0.9)
    write_report(run, ("en",))
    report = (run.path / "report.md").read_text(encoding="utf-8")
    assert "No pages were held out of all folds to judge it" in report
    assert "Confidence is corrected with the temperature" not in report
    assert "The expected macro-F1" not in report


@pytest.mark.parametrize("name", sorted({*ENTRIES} - {"folds"}))
def test_results_that_are_read_are_written_as_they_were(old_runs: Path, name: str):
    run = RunFolder(old_runs / name)
    before = run.results_file.read_bytes()
    run.write_results(run.read_results())
    assert run.results_file.read_bytes() == before


@pytest.mark.parametrize(("name", "language", "stem"), [("single", "en", "report"), ("blend", "ko", "report.ko")])
def test_the_report_is_built(old_runs: Path, name: str, language: str, stem: str):
    run = RunFolder(old_runs / name)
    write_report(run, (language,))
    macro_f1 = written(run)["val"]["macro_f1"]
    for ending in ("html", "md"):
        assert f"{macro_f1:.4f}" in (run.path / f"{stem}.{ending}").read_text(encoding="utf-8")


def test_the_leaderboard_has_their_scores(old_runs: Path):
    table = leaderboard(old_runs).set_index("name")
    assert set(table["status"]) == {"finished"}
    for name in ENTRIES:
        results = written(RunFolder(old_runs / name))
        assert table.loc[name, "val_macro_f1"] == results["val"]["macro_f1"]
        assert table.loc[name, "val_shifted_macro_f1"] == results["shifted"]["macro_f1"]


def test_the_tables_give_the_same_results_today():
    """The order of the keys is that of then; the last digits may differ between processors."""
    run = RunFolder(OLD_RUNS / "single")
    card = ModelCard.from_dict(run.read_json(run.model_file), str(run.model_file))
    then = written(run)
    now = judge_tables(run, run.read_config(), card).model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert [*now, "train", "expected"] == list(then)
    assert now["calibration"].pop("pipeline")["second_look"] is None, "earlier versions did not name the pipeline"
    for name, entry in now.items():
        assert_close(entry, then[name])


OTHER_METHOD = ("macro_f1_interval", "interval", "coverage", "ece_after", "bins")
"""Entries that another method gives today: intervals count groups, thresholds are found by a tested sequence, and
calibration is judged with temperatures of other pages."""


NEW_KEYS = ("num_groups", "effective_groups")
"""Keys that earlier versions did not write."""


def assert_close(now: object, then: object) -> None:
    if isinstance(then, dict):
        assert isinstance(now, dict)
        assert [key for key in now if key not in NEW_KEYS] == list(then)
        for key, value in then.items():
            if key not in OTHER_METHOD:
                assert_close(now[key], value)
    elif isinstance(then, list):
        assert isinstance(now, list)
        assert len(now) == len(then)
        for one, other in zip(now, then, strict=True):
            assert_close(one, other)
    elif isinstance(then, float):
        assert now == pytest.approx(then, rel=1e-5, abs=1e-9)
    else:
        assert now == then


def test_settings_are_in_the_order_of_the_configuration_file():
    settings = read_inputs(RunFolder(OLD_RUNS / "single")).settings
    keys = [key.partition(".")[0] for key in settings]
    assert list(dict.fromkeys(keys)) == [key for key in Config.ordered_keys() if key in keys]
