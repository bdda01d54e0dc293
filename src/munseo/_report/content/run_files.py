"""Section: which files a run folder holds, and where else the run was tracked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from munseo._config.key import KeyGroup
from munseo._locale import Texts
from munseo._report import number_formats as fm
from munseo._report.blocks import Block, Pairs, SectionBlock, TableBlock
from munseo._report.content.yaml_blocks import KEYS
from munseo._report.facts import Facts
from munseo._run import RunFolder

FILES = (
    *("config.yaml", "manifest.json", "weights.safetensors", "model.json", "members", "stack.safetensors"),
    *("submission", "{plots}", "misclassified.png", "augmentation_samples.png", "gallery", "robustness"),
    *("shift.yaml", "results.json", "scores.json", "metrics.csv", "timing.csv", "pages.parquet"),
    *("val_predictions.parquet", "shifted_predictions.parquet", "view_predictions.parquet"),
    *("text", "image_predictions.parquet", "text_predictions.parquet", "words.parquet"),
    *("damage_predictions.parquet", "epoch_predictions.parquet", "held_out_predictions.parquet"),
    *("held_out_shifted_predictions.parquet", "held_out_view_predictions.parquet", "evaluations", "state.ckpt"),
)
"""Every file of docs/run-folder.md except the report itself, the most wanted first.

``{plots}`` means all plots, and ``submission`` for the table that is named after the run. The text ``file.NAME``
says what a file holds.
"""


@dataclass(frozen=True)
class RunFile:
    """A file or folder of a run; ``file.`` and ``key`` is the key of the text that says what it holds."""

    name: str
    key: str
    num_bytes: int
    num_files: int = 1


def file_blocks(facts: Facts, texts: Texts, plots: Sequence[str]) -> tuple[Block, ...]:
    """Return the files with their sizes, those of ``plots`` in their order, and the trackers."""
    rows = tuple(
        (f"`{file.name}`", texts(f"file.{file.key}", count=file.num_files), fm.size(file.num_bytes))
        for file in list_files(facts.run, plots)
    )
    return (
        Pairs(((texts("files.folder"), f"`{facts.command_path}`"),)),
        TableBlock.titled(texts, ("files.file", "files.what", "files.size"), rows, words=(0, 1)),
        SectionBlock("tracking", texts("tracking"), (Pairs(_tracking(facts, texts)),)),
    )


def list_files(run: RunFolder, plots: Sequence[str] = ()) -> tuple[RunFile, ...]:
    """Return the files that are there, in the order of ``FILES``, then the folds."""
    files = []
    for key in (key for entry in FILES for key in (plots if entry == "{plots}" else [entry])):
        path = run.submission_file if key == "submission" else run.path / key
        if path.is_file():
            files.append(RunFile(path.name, key, path.stat().st_size))
        elif path.is_dir():
            files.append(_folder(RunFolder(path), key))
    return (*files, *(_folder(fold, "fold") for fold in run.folds))


def _folder(run: RunFolder, key: str) -> RunFile:
    files = [file for file in run.path.rglob("*") if file.is_file()]
    return RunFile(f"{run.path.name}/", key, sum(file.stat().st_size for file in files), len(files))


def _tracking(facts: Facts, texts: Texts) -> tuple[tuple[str, str], ...]:
    items = [("CSV", texts("tracking.csv"))]
    for name, key in KEYS.items():
        if key.group != KeyGroup.TRACKING:
            continue
        tracker = getattr(facts.config, name)
        value = texts("tracking.off")
        if tracker.log:
            value = texts("tracking.project", name=tracker.destination) if tracker.destination else texts("yes")
            if name == "wandb" and facts.wandb_run:
                value += f", `{facts.wandb_run}`"
        items.append((tracker.title, value))
    return tuple(items)
