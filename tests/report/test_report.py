"""The report says what the run folder says, in both languages, and nothing in a name can act as markup."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fake_run import ENGLISH, HANGUL, NAME, change, put, write_folds, write_run

from munseo._config import load_config
from munseo._errors import UserError
from munseo._locale import LANGUAGES, Texts
from munseo._report import missing_files, record_score, write_preliminary, write_report
from munseo._report.content.overview import summary_blocks
from munseo._report.content.run_files import FILES
from munseo._report.facts import gather
from munseo._report.report import ENSEMBLE_SECTIONS, PLOTS, RUN_SECTIONS, build_document, plots_of
from munseo._run import RunFolder

SECTIONS = (
    "summary", "setup", "identity", "environment", "configuration", "architecture", "hyperparameters", "preprocessing",
    "imbalance", "off", "course", "progress", "curves", "final", "server", "errors", "per_class", "confusion", "pairs",
    "analysis", "next", "next.use", "next.experiments", "next.ensemble", "files", "tracking", "reproduction",
    "checklist", "reproduce", "data_notes",
)  # fmt: skip


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The reference run with its score and both reports; do not write into it."""
    run = write_run(tmp_path_factory.mktemp("reported") / NAME)
    record_score(run, public=0.8619)
    files = write_report(run)
    assert [file.name for file in files] == ["report.html", "report.md", "report.ko.html", "report.ko.md"]
    return run


def read(run: RunFolder, name: str) -> str:
    return (run.path / name).read_text(encoding="utf-8")


def rendered(run: RunFolder) -> str:
    write_report(run, ("en",))
    return read(run, "report.html")


def test_every_section_of_the_reference_is_there_in_both_languages(reported: RunFolder):
    for language, stem in (("en", "report"), ("ko", "report.ko")):
        say = Texts(language, "report")
        page, text = read(reported, f"{stem}.html"), read(reported, f"{stem}.md")
        for key in SECTIONS:
            assert f">{say(key)}</h" in page, (language, key)
            assert re.search(rf"^##+ {re.escape(say(key))}$", text, re.MULTILINE), (language, key)


def test_figures_of_the_reference_appear(reported: RunFolder):
    for name in ("report.ko.html", "report.ko.md"):
        text = read(reported, name)
        for figure in ("0.9164", "0.9852 (98.52%)", "98.53%", "91.95%", "0.0431", "0.4601", "0.8619", "94.1%",
                       "28/1,000", "24분 20초 (1,460초)", "64 GiB", "39개 → 78개 (39개 증강)",
                       "63개 → 78개 (15개 증강)", "42개 → 78개 (36개 증강)",
                       "0.0000998", "31,800", "85.0%", "0.8812", "17,579,000"):  # fmt: skip
            assert figure in text, (name, figure)


def test_html_needs_nothing_from_outside(reported: RunFolder):
    page = read(reported, "report.html")
    assert re.findall(r"""(?:src|href|srcset|url)\s*[=(]\s*["']?(?!data:|#)([^"')\s>]+)""", page) == []
    assert "<script" not in page
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")
    assert page.count("data:image/jpeg") >= 19  # every misclassified page
    assert page.count("data:image/png") == 2 * len(plots_of(gather(reported)))  # each for light and dark


def test_names_are_inert(tmp_path: Path):
    evil = '<script>alert("x")</script>'
    run = write_run(tmp_path / "run", (evil, "a|b_*c*", "`tick", *ENGLISH[3:]))
    change(run.manifest_file, "name", value=f"run {evil}")
    change(run.manifest_file, "data", "notes", value=[f"note {evil} ![x](http://x)"])
    page, text = rendered(run), read(run, "report.md")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    outside_code = re.sub(r"```.*?```|`[^`\n]+`", "", text, flags=re.DOTALL)
    assert "<script" not in outside_code
    assert "](http://x)" not in outside_code.replace(r"\](", "")
    rows = [line for line in text.splitlines() if line.startswith(r"| a\|b")]
    assert rows
    assert all(len(re.split(r"(?<!\\)\|", row)) == 7 for row in rows)


def test_yaml_blocks_paste_back_as_the_same_configuration(reported: RunFolder, tmp_path: Path):
    blocks = re.findall(r"```yaml\n(.*?)```", read(reported, "report.ko.md"), re.DOTALL)
    file = tmp_path / "pasted.yaml"
    file.write_text("\n".join(blocks), encoding="utf-8")
    pasted, original = load_config(file), reported.read_config()
    assert pasted.augmentation.model_dump() == {
        **original.augmentation.model_dump(),
        "document": False,
        "matched": False,
    }
    skip = {"augmentation"}
    assert pasted.model_dump(exclude=skip) == original.model_dump(exclude=skip)


def test_rate_warning_names_both_rates(english_run: RunFolder):
    for key, value in (("lr_first", 4e-4), ("lr_max", 4e-4), ("lr_last", 0.000399)):
        change(english_run.manifest_file, "effective", key, value=value)
    page = rendered(english_run)
    warning = page[page.index("<aside>") : page.index("</aside>")]
    assert "0.0001" in warning
    assert "0.0004" in warning
    assert "99.8%" in page
    assert 'class="fails"' in page


@pytest.mark.parametrize(
    ("config", "first", "highest", "warns"),
    [
        ({}, 1e-4, 1e-4, False),
        ({}, 1e-4, 1.009e-4, False),
        ({}, 5e-5, 1e-4, True),  # a cosine schedule begins at the configured rate
        ({"warmup_epochs": 1}, 1e-6, 1e-4, False),
        ({"scheduler_name": "OneCycleLR"}, 4e-6, 1e-4, False),
        ({"scheduler_name": "OneCycleLR"}, 4e-6, 6e-5, True),  # stopped before the peak
        ({"scheduler_name": "ReduceLROnPlateau"}, 1e-4, 1e-4, False),
    ],
)
def test_rate_warning_knows_schedules(tmp_path: Path, config: dict, first: float, highest: float, warns: bool):
    run = write_run(tmp_path / "run", ENGLISH, config)
    change(run.manifest_file, "effective", "lr_first", value=first)
    change(run.manifest_file, "effective", "lr_max", value=highest)
    blocks = summary_blocks(gather(run), Texts("en", "report"))
    assert any(block.kind == "note" for block in blocks) == warns


def test_plain_run(english_run: RunFolder, monkeypatch: pytest.MonkeyPatch):
    """No score, no disagreement, no Hangul; commands name the run as one would type it from here."""
    monkeypatch.chdir(english_run.path.parent.parent)
    page, text = rendered(english_run), read(english_run, "report.md")
    assert "<aside>" not in page
    assert "@font-face" not in page
    assert f"munseo score runs/{NAME} --public" in text
    assert f"munseo train runs/{NAME}/config.yaml \\\n  image_size=384" in text


def test_without_gallery_test_part_and_samples(english_run: RunFolder):
    for file in english_run.gallery_dir.iterdir():
        file.unlink()
    english_run.gallery_dir.rmdir()
    english_run.samples_picture.unlink()
    english_run.submission_file.unlink()
    change(english_run.manifest_file, "data", "num_test", value=0)
    page = rendered(english_run)
    assert Texts("en", "report")("gallery.none").replace("`", "") in re.sub("</?code>", "", page)
    assert "data:image/jpeg" not in page
    assert "for testing" not in page


def test_gallery_does_not_leave_its_folder(english_run: RunFolder, tmp_path: Path):
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    listing = english_run.gallery_dir / "pages.json"
    entry = {"id": "x", "true": "letter", "predicted": "email", "confidence": 0.9, "p_true": 0.1}
    put(listing, [{**entry, "file": "../../../secret.jpg"}, {**entry, "file": str(tmp_path / "secret.jpg")}])
    assert gather(english_run).gallery == ()


def test_folds(tmp_path: Path):
    run = write_folds(tmp_path / "run")
    page, text = rendered(run), read(run, "report.md")
    assert re.search(r"\| `fold0` +\| 0.9071 \| 91.01% \| 0.4411 \| 8 \| 28 \|", text)
    assert re.search(r"\| `fold1` +\| 0.9257 \| 93.01% \| 0.4787 \| 10 \| 28 \|", text)
    assert "48 min 40 s" in text  # both folds
    assert "63,600" in text  # augmented pages of both folds
    assert ">Folds</h3>" in page
    assert "Best epoch" not in text.split("### Curves")[0]


def test_a_run_that_failed_at_once(english_run: RunFolder):
    for file in (english_run.results_file, english_run.metrics_file, english_run.timing_file):
        file.unlink()
    manifest = json.loads(english_run.manifest_file.read_text(encoding="utf-8"))
    put(
        english_run.manifest_file,
        {key: manifest[key] for key in ("format", "id", "name", "started")} | {"status": "failed"},
    )
    page = rendered(english_run)
    assert Texts("en", "report")("summary.unfinished") in page
    assert f"munseo resume {english_run.path}" in page


def test_unknown_language_is_named(english_run: RunFolder):
    with pytest.raises(UserError, match="'fr'"):
        write_report(english_run, ("fr",))


def test_markdown_links_to_files_that_exist(reported: RunFolder):
    links = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", read(reported, "report.ko.md"))
    assert "loss_plot.png" in links
    assert "val_confusion_matrix.png" in links
    assert "gallery/000.jpg" in links
    assert all((reported.path / link).is_file() for link in links)


def test_hangul_reaches_machines_without_a_korean_font(reported: RunFolder):
    page = read(reported, "report.html")
    assert "@font-face" in page
    assert all(name in page for name in HANGUL)


def test_skipped_pages_and_notes_are_listed(reported: RunFolder):
    text = read(reported, "report.ko.html")
    assert "broken-3.jpg" in text
    assert "scan-7.tif: 3페이지 중 첫 페이지만 사용합니다" in text
    assert "scan-7.tif: first of 3 pages used" in read(reported, "report.html")


def test_defaults_of_the_configuration_have_a_report(tmp_path: Path):
    """Every key may be at its default or away from it; the blocks must hold either."""
    away = {"n_folds": 5, "fold": 1, "label_smoothing": 0.1, "ema_decay": 0.99, "warmup_epochs": 2, "TTA": True,
            "mixed_precision": True, "norm_mean": "model", "norm_std": "model", "batch_size": "auto",
            "dynamic_augmentation": [{"from_epoch": 5, "augmentation_level": "strong"}], "gradient_clip_norm": 1.0,
            "augmentation_params": {"eda": {"rotation_deg": [-5, 5], "noise_p": 0.4}, "erosion": {"jitter_p": 0.5}},
            "scheduler_params": {"eta_min": 1e-6}, "weighted_sampler": True, "wandb": {"log": True}}  # fmt: skip
    run = write_run(tmp_path / "run", ENGLISH, away)
    write_report(run, ("en",))
    file = tmp_path / "pasted.yaml"
    file.write_text("\n".join(re.findall(r"```yaml\n(.*?)```", read(run, "report.md"), re.DOTALL)), encoding="utf-8")
    pasted, original = load_config(file), run.read_config()
    skip = {"wandb"}  # where a run is tracked changes nothing in it
    assert pasted.model_dump(exclude=skip) == original.model_dump(exclude=skip)


def test_a_damaged_page_of_the_gallery_is_named(english_run: RunFolder):
    page = english_run.gallery_dir / "003.jpg"
    page.write_bytes(page.read_bytes()[:200])
    with pytest.raises(UserError, match=r"003\.jpg: not a whole picture"):
        write_report(english_run, ("en",))


def test_every_section_and_every_plot_has_its_texts():
    """A new section or plot is an entry of a table; a text that it lacks is missed here."""
    for texts in (Texts(language, "report") for language in LANGUAGES):
        assert all(texts(name) for name in (*RUN_SECTIONS, *ENSEMBLE_SECTIONS))
        assert all(texts(f"file.{plot.file}") for plot in PLOTS)
        assert all(texts(f"file.{name}", count=1) for name in FILES if name != "{plots}")


def test_sections_of_a_run_without_results_are_left_out(english_run: RunFolder):
    english_run.results_file.unlink()
    english_run.metrics_file.unlink()
    facts, texts = gather(english_run), Texts("en", "report")
    assert plots_of(facts) == []
    built = {section.name for section in build_document(facts, texts).sections}
    assert built == {"summary", "setup", "configuration", "course", "next", "files", "reproduction"}


def test_a_preliminary_report_says_so_and_is_replaced(english_run: RunFolder):
    results = english_run.results_file.read_bytes()
    english_run.results_file.unlink()
    change(english_run.manifest_file, "status", value="running")
    assert write_preliminary(english_run) == english_run.path / "report.html"
    for language, name in (("en", "report.html"), ("ko", "report.ko.html")):
        say, page = Texts(language, "report"), read(english_run, name)
        assert say("summary.preliminary") in page
        assert say("summary.unfinished") not in page
        assert "0.8" in page, "the score of the best epoch is known"
    assert not (english_run.path / "report.md").exists()
    english_run.results_file.write_bytes(results)
    # A kill between the end of the run and its report: the preliminary one does not count as the report.
    change(english_run.manifest_file, "status", value="finished")
    assert {"report.html", "report.ko.html"} <= {file.name for file in missing_files(english_run)}
    write_report(english_run)
    assert missing_files(english_run) == []
    assert Texts("en", "report")("summary.preliminary") not in read(english_run, "report.html")


def test_a_run_that_failed_has_no_preliminary_report(english_run: RunFolder):
    english_run.results_file.unlink()
    change(english_run.manifest_file, "status", value="failed")
    assert Texts("en", "report")("summary.unfinished") in rendered(english_run)
