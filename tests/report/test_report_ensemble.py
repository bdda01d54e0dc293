"""The report of an ensemble says whether it is worth it, and nothing of a training."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from fake_ensemble import write_fake_ensemble
from fake_run import ENGLISH, change
from fake_shift import CLEAN

from munseo._locale import Texts
from munseo._report import draw_plots, record_score, write_report
from munseo._report.content.ensemble import ensemble_blocks, ensemble_summary_blocks, verdict_against_best
from munseo._report.facts import gather
from munseo._report.leaderboard import leaderboard
from munseo._run import RunFolder


@pytest.fixture(scope="module")
def blend(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """With a report in both languages; do not write into it."""
    run = write_fake_ensemble(tmp_path_factory.mktemp("blend"), ENGLISH)
    record_score(run, public=0.8619)
    draw_plots(run)
    write_report(run)
    return run


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """One strong member and a weak one, without a report."""
    return write_fake_ensemble(tmp_path_factory.mktemp("plain"), ENGLISH, (2.0, 4.5))


@pytest.fixture
def other(plain: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy that a test may write into."""
    return RunFolder(Path(shutil.copytree(plain.path, tmp_path / "runs" / "blend")))


def entry(run: RunFolder) -> dict:
    return json.loads(run.results_file.read_text(encoding="utf-8"))["ensemble"]


def test_members_and_comparison_stand_in_the_report(blend: RunFolder):
    found = entry(blend)
    text = (blend.path / "report.md").read_text(encoding="utf-8")
    for member in found["members"]:
        row = f"| `{member['name']}` | {member['weight']:.3f} | {member['macro_f1']:.4f} | {member['loss']:.4f} |"
        assert row in text
    say = Texts("en", "report")
    for name, other in found["differences"].items():
        difference = f"{other['difference']:+.4f}".replace("-", "−")
        assert f"| {say.name('ensemble.candidate', name)} | {difference} |" in text
        assert f"| {say.name('ensemble.candidate', name)} | {found['candidates'][name]['macro_f1']:.4f} |" in text
    own = f"{say.name('ensemble.candidate', found['method'])} (the ensemble)"
    assert f"| {own} | {found['candidates'][found['method']]['macro_f1']:.4f} |" in text
    assert "munseo ensemble " in text
    assert "0.8619" in text


def test_english_verdict_is_the_one_that_the_command_prints(blend: RunFolder, other: RunFolder):
    for run in (blend, other):
        facts = gather(run)
        assert facts.results.ensemble is not None
        plain = verdict_against_best(facts.results.ensemble, Texts("en", "report")).replace("`", "")
        assert plain == entry(run)["verdict"][0]


def test_nothing_of_a_training(blend: RunFolder):
    for stem, language in (("report", "en"), ("report.ko", "ko")):
        say = Texts(language, "report")
        page = (blend.path / f"{stem}.html").read_text(encoding="utf-8")
        for key in ("configuration", "course", "curves", "hyperparameters", "next.experiments", "checklist"):
            assert f">{say(key)}</h" not in page, key
        for key in ("summary", "ensemble", "ensemble.members", "errors", "setup", "files", "reproduce"):
            assert f">{say(key)}</h" in page, key
        assert say("ensemble.title", count=3) in page
        assert "efficientnet_b4" not in page  # the first member's configuration is not the ensemble's
        assert "munseo train" not in page


@pytest.mark.parametrize(
    ("conclusion", "key"), [("better", "better"), ("worse", "worse"), ("not distinguishable", "same")]
)
def test_verdict_follows_the_conclusion(other: RunFolder, conclusion: str, key: str):
    against = entry(other)["decisive"]
    change(other.results_file, "ensemble", "differences", against, "conclusion", value=conclusion)
    facts = gather(other)
    assert facts.results.ensemble is not None
    for say in (Texts(language, "report") for language in ("en", "ko")):
        start = say(f"ensemble.{key}", opponent="@", own="", other="", figures="", best="").split("@")[0]
        assert verdict_against_best(facts.results.ensemble, say).startswith(start)
        blocks = ensemble_summary_blocks(facts, say)
        assert any(block.kind == "note" for block in blocks) == (conclusion == "worse")


def test_members_that_could_go_are_named(other: RunFolder):
    say = Texts("en", "report")
    for dropped in ([], ["2507050001-member"]):
        change(other.results_file, "ensemble", "would_drop", value=dropped)
        facts = gather(other)
        assert facts.results.ensemble is not None
        text = " ".join(str(block) for block in ensemble_summary_blocks(facts, say))
        assert ("can be dropped" in text) == bool(dropped)
        assert ("`2507050001-member`." in text) == bool(dropped)


def test_a_stack_has_no_weights(other: RunFolder):
    members = [{**member, "weight": None} for member in entry(other)["members"]]
    change(other.results_file, "ensemble", "members", value=members)
    facts = gather(other)
    assert facts.results.ensemble is not None
    table = ensemble_blocks(facts, Texts("en", "report"))[0].blocks[0]
    assert {row[1] for row in table.rows} == {"–"}


def test_notes_and_names_are_escaped(tmp_path: Path):
    run = write_fake_ensemble(tmp_path, ENGLISH, (2.0, 4.5), member_name="{number}-<b>x")
    change(run.results_file, "ensemble", "notes", value=["<script>left out</script>"])
    write_report(run, ("en",))
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<b>x" not in page
    assert "&lt;b&gt;x" in page


def test_leaderboard_calls_it_an_ensemble(other: RunFolder):
    row = leaderboard(other.path.parent).set_index("name").loc["blend"]
    assert row["model"] == "ensemble of 2"
    assert row[["image_size", "epochs"]].isna().all()


def test_damaged_pages_of_an_ensemble(other: RunFolder):
    """Where an ensemble was validated on damaged pages too, the figure stands beside the others."""
    val = json.loads(other.results_file.read_text(encoding="utf-8"))["val"]
    change(other.results_file, "shifted", value={**val, "macro_f1": 0.1234, "draws": 1, "recipe": "document"})
    facts = gather(other)
    assert facts.results.ensemble is not None
    text = " ".join(str(block) for block in ensemble_summary_blocks(facts, Texts("en", "report")))
    assert "0.1234" in text
    assert str(CLEAN) not in text
