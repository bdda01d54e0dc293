"""The evaluator: a run is judged on a labelled test set, as it predicts, and the evaluation is kept in its folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from munseo import _report as reports
from munseo._assessment.evaluation_files import write_evaluation
from munseo._assessment.run_pages import read_run_pages
from munseo._assessment.test_pages import KnownRun, TestPages, choose_test_pages
from munseo._config import Config
from munseo._console import say
from munseo._data import DataLayout
from munseo._data.layout import DEFAULT_LAYOUT, load_labelled_pages
from munseo._data.tables import table_files
from munseo._errors import UserError
from munseo._evaluation import summarise
from munseo._evaluation.calibration import coverage_at, reliability
from munseo._evaluation.comparison import paired_bootstrap
from munseo._evaluation.held_out import held_out
from munseo._evaluation.judgement import PRECISIONS
from munseo._evaluation.metrics import macro_f1
from munseo._prediction import Predictor
from munseo._prediction.combination import all_weights_sha256, is_ensemble, member_folders
from munseo._prediction.decision import NoThresholdError, choose_threshold
from munseo._prediction.predictor import PredictedPages
from munseo._prediction.submission import expected_score, texts_of
from munseo._run import RunFolder
from munseo._run.ensemble_scores import ScoreDifference
from munseo._run.evaluations import RunComparison, TestScores

NAME = re.compile(r"\w[\w.-]{0,79}")
"""Names of evaluations, which are folders."""


@dataclass(frozen=True)
class EvaluateOptions:
    """Options of an evaluation on a test set.

    Attributes:
        data: The data folder; None: the run's own.
        table: Its only table that counts; None: all labelled pages.
        layout: Tables, folders and columns other than those of the run; None: the run's.
        name: Name of the evaluation; None: that of the table or folder.
        on_bad_image: ``fail`` or ``skip``; None: as the run was configured.
    """

    data: Path | None = None
    table: str | None = None
    layout: DataLayout = DEFAULT_LAYOUT
    name: str | None = None
    on_bad_image: str | None = None

    def check(self) -> None:
        """Raise ``UserError`` if the name is not one of a folder."""
        if self.name is not None and not NAME.fullmatch(self.name):
            raise UserError(
                f"name: {self.name!r} is not allowed; should be letters, digits, underscores, hyphens and dots."
            )


def evaluate_pages(predictor: Predictor, options: EvaluateOptions, other: Predictor | None = None) -> TestScores:
    """Judge a run on the labelled pages of a data folder that neither trained it nor copy a page that did.

    The predictions are those of ``munseo predict``: with the views, the second look and the temperature of the run.
    The evaluation is written to ``evaluations/NAME`` in the run folder, and the report is written again.

    Args:
        predictor: The run.
        options: The test set.
        other: A run to compare with, on the pages that it was not trained on either.

    Raises:
        UserError: The data have problems, or no page is left that may judge the run.
    """
    run, card = predictor.folder, predictor.card
    config = run.read_config()
    folder = Path(config.data_dir) if options.data is None else options.data
    layout = _layout(DataLayout.from_config(config), options.layout, folder)
    data = load_labelled_pages(folder, layout, options.table)
    known = [_known(one.folder, (folder, layout)) for one in (predictor, other) if one is not None]
    settings = config.model_copy(
        update={"on_bad_image": options.on_bad_image or config.on_bad_image, "id_column": layout.id_column}
    )
    test = choose_test_pages(known, card, data, folder, settings)
    for note in (*data.notes, *map(str, test.notes)):
        say(note)
    tables = [*data.tables.values()]
    words = predictor.read_words(test.pages, texts_of(run, tables))
    predicted = predictor.predict(test.pages, words)
    scores = _scores(predictor, predicted, test, config)
    scores["num_validation"] = sum(digest in known[0].pages.validated for digest in test.digests)
    name = options.name or _default_name(folder, options.table)
    shown = str(folder.resolve() if options.table is None else folder.resolve() / options.table)
    record = TestScores.model_validate({**scores, "name": name, "data": shown})
    if other is not None:
        compared = _compare(predictor, predicted, other, test, config, tables)
        record = record.model_copy(update={"comparisons": (compared,)})
    written = write_evaluation(run, record, test, predicted.final, chosen_name=options.name is not None)
    reports.write_report(run)
    say(f"evaluation: {run.evaluation_dir(written.name)}")
    return written


def _layout(own: DataLayout, given: DataLayout, folder: Path) -> DataLayout:
    """Return the run's layout with what was given; tables and folders that are not there have their usual names."""
    names = {key: value for key, value in vars(given).items() if value is not None and key != "follow_links"}
    places = ("train_table", "val_table", "image_dir", "test_dir")
    absent = {
        key: None
        for key in places
        if (value := getattr(own, key)) and not ((folder / value).exists() or table_files(folder / value))
    }
    return replace(own, **{**absent, **names})


def _known(run: RunFolder, judged: tuple[Path, DataLayout]) -> KnownRun:
    """Return the pages that a run knows; its training pages may lie where it found them, or next to those judged."""
    members = member_folders(run) if is_ensemble(run) else [run]
    configs = [member.read_config() for member in (run, *members)]
    sources = tuple((Path(config.data_dir), DataLayout.from_config(config)) for config in configs)
    return KnownRun(run, read_run_pages(run), (*sources, judged))


def _default_name(folder: Path, table: str | None) -> str:
    stem = folder.resolve().name if table is None else f"{folder.resolve().name}-{Path(table).stem}"
    return re.sub(r"[^\w.-]+", "_", stem).lstrip("._-")[:80] or "test"


def _scores(predictor: Predictor, predicted: PredictedPages, test: TestPages, config: Config) -> dict[str, Any]:
    run, card, final = predictor.folder, predictor.card, predicted.final
    labels = np.array([page.label for page in test.pages])
    calibrated = predictor.calibrated(final)
    bins, after = reliability(labels, calibrated)
    look = predictor.second_look
    return {
        # Copies of a page go wrong together, and are one observation.
        **summarise(labels, final, card.class_names, test.groups),
        "evaluated": datetime.now().astimezone().isoformat(timespec="seconds"),
        "pages_sha256": _fingerprint(test),
        "settings": {
            "backend": predictor.options.backend,
            "views": [list(loaded.views) for loaded in predictor.runs],
            "second_look": look and {"gate": look.gate, "blend": look.blend, "views": list(look.views)},
            "temperature": predictor.temperature,
            "weights_sha256": all_weights_sha256(run),
        },
        "left_out": test.left_out,
        "temperature": predictor.temperature,
        "reliability": {"ece_before": reliability(labels, final)[1], "ece_after": after, "bins": bins},
        "coverage": _coverage(predictor, labels, calibrated),
        "expected": expected_score(predictor, predicted),
        "notes": [note.to_dict() for note in test.notes],
    }


def _coverage(predictor: Predictor, labels: np.ndarray, calibrated: np.ndarray) -> list[dict[str, Any]]:
    """Return what the thresholds that validation gives for the usual precisions reach on these pages.

    There are none where validation did not measure what predicts here.
    """
    run, rows = predictor.folder, []
    if held_out(run, predictor.pipeline) is None:
        return []
    for target in PRECISIONS:
        row: dict[str, Any] = {"target_precision": target, "threshold": None, "coverage": 0.0, "precision": None}
        try:
            threshold = choose_threshold(run, predictor.pipeline, predictor.temperature, None, target)
        except NoThresholdError:
            threshold = None
        if threshold is not None:
            row |= coverage_at(labels, calibrated, threshold.confidence)
        rows.append(row)
    return rows


def _compare(
    predictor: Predictor,
    predicted: PredictedPages,
    other: Predictor,
    test: TestPages,
    config: Config,
    tables: Sequence[Path],
) -> RunComparison:
    """Compare with another run on the pages that it was not trained on either, and whose class it knows."""
    names = [*predictor.card.class_names]
    names += [name for name in other.card.class_names if name not in names]
    labels = np.array([page.label for page in test.pages])
    knows = np.array([names[label] in other.card.class_names for label in labels])
    kept = np.flatnonzero(knows & ~test.also_trained[0])
    if not len(kept):
        raise UserError(
            f"{other.folder.name}: was trained on all of these pages, or does not know their classes; compare it on "
            "other pages."
        )
    pages = [test.pages[index] for index in kept]
    rows = other.predict(pages, other.read_words(pages, texts_of(other.folder, tables))).final
    own_classes = predicted.final[kept].argmax(axis=1)
    other_classes = np.array([names.index(other.card.class_names[index]) for index in rows.argmax(axis=1)])
    groups = np.unique(test.groups[kept], return_inverse=True)[1]
    seed = config.random_seed
    difference = paired_bootstrap(labels[kept], own_classes, other_classes, len(names), seed, groups=groups)
    return RunComparison(
        run=other.folder.name,
        num_pages=len(kept),
        macro_f1=macro_f1(labels[kept], own_classes, len(names)),
        other_macro_f1=macro_f1(labels[kept], other_classes, len(names)),
        difference=ScoreDifference.model_validate(difference.to_dict()),
    )


def _fingerprint(test: TestPages) -> str:
    """Return the SHA-256 over IDs, files and labels, whatever their order."""
    rows = sorted((page.id, digest, page.label) for page, digest in zip(test.pages, test.digests, strict=True))
    total = hashlib.sha256()
    for page_id, digest, label in rows:
        total.update(f"{len(page_id)}:{page_id}:{digest}:{label}\n".encode())
    return total.hexdigest()
