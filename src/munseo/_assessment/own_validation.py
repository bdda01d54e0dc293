"""The validation of a run, measured again: the same pages with the same labels, never another split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from munseo._assessment.run_pages import RecordedPage, read_run_pages
from munseo._data import DataLayout, Page, check_images, load_pages
from munseo._data.class_match import match_classes
from munseo._ensemble import align, honest_probabilities, read_members
from munseo._errors import UserError
from munseo._evaluation import summarise
from munseo._evaluation.fusion import judge_fusion
from munseo._evaluation.fusion_tables import read_sides
from munseo._evaluation.held_out_groups import page_groups
from munseo._model import ModelCard
from munseo._prediction import Predictor, predict_run
from munseo._prediction.combination import is_ensemble, member_folders
from munseo._run import RunFolder


def measure_validation(predictor: Predictor, data: Path | None) -> dict[str, Any]:
    """Predict the validation pages of a run again, each by models that were not trained on it.

    Args:
        predictor: The run.
        data: Where the data are now; None: where they were.

    Returns:
        The ``val`` entry of ``results.json``, measured again; where a k-fold run held pages out of all folds, also
        ``fold_mean`` with the ``val`` of these pages, which the mean of the folds predicts.

    Raises:
        UserError: Validation pages are gone, or their image or label is not what it was. All of them are named.
    """
    if is_ensemble(predictor.folder):
        return _measure_ensemble(predictor, data)
    run, loaded = predictor.folder, predictor.runs[0]
    recorded = read_run_pages(run).validation
    pages = find_recorded(run, predictor.card, recorded, data)
    rows = np.empty((len(pages), predictor.card.num_classes), dtype=np.float32)
    for fold in dict.fromkeys(page.fold for page in recorded):
        held_out = [index for index, page in enumerate(recorded) if page.fold == fold]
        models = loaded.classifiers if fold is None else [loaded.classifiers[fold]]
        rows[held_out] = predict_run(models, [pages[index] for index in held_out], loaded.setup, loaded.views)
    if predictor.uses_text:
        rows = _with_words(run, [page.id for page in recorded], rows)
    labels = np.array([page.label for page in recorded])
    by_mean = np.array([page.fold is None for page in recorded])
    names, groups = predictor.card.class_names, page_groups(run, [page.id for page in recorded])
    result = summarise(labels[~by_mean], rows[~by_mean], names, groups[~by_mean])
    if run.folds and by_mean.any():
        result["fold_mean"] = {"val": summarise(labels[by_mean], rows[by_mean], names, groups[by_mean])}
    return result


def _with_words(run: RunFolder, ids: Sequence[str], image: np.ndarray) -> np.ndarray:
    """Fuse the image's probabilities (N, K) with what the run's words said, each page by weights that others gave."""
    known, sides = read_sides(run)
    places = {page: index for index, page in enumerate(known)}
    order = np.array([places[page] for page in ids])
    rows = sides.image.copy()
    rows[0, order] = image
    judged = judge_fusion(replace(sides, image=rows), run.read_config().random_seed)
    assert judged is not None, "the run uses words"
    return np.asarray(judged.fused[0, order])


def find_recorded(
    run: RunFolder, card: ModelCard, recorded: Sequence[RecordedPage], data: Path | None
) -> tuple[Page, ...]:
    """Find pages of a run in a data folder, by ID or by the content of their files; labels are the run's.

    Raises:
        UserError: Pages are gone, or their image or label is not what it was.
    """
    config = run.read_config()
    folder = Path(config.data_dir) if data is None else data
    data_pages = load_pages(folder, DataLayout.from_config(config))
    match = match_classes(card.class_names, card.class_targets, data_pages.class_names, data_pages.class_targets)
    labelled = [*data_pages.train, *(data_pages.val or ())]
    found = _find_files(recorded, labelled)
    problems = []
    for page in recorded:
        now = found.get(page.id)
        if now is None:
            known = any(other.id == page.id for other in labelled)
            problems.append(
                f"{page.id}: another image than when the run was trained" if known else f"{page.id}: not in the data"
            )
        elif match.run_label(now.label) != page.label:
            name, before = data_pages.class_names[now.label or 0], card.class_names[page.label]
            problems.append(f"{page.id}: labelled {name!r} now, and {before!r} when the run was trained")
    if problems:
        raise UserError(
            f"{folder}: does not hold the validation pages of {run.name} as they were. Say where they are with --data, "
            "or judge the run on all labelled pages of this folder that did not train it: --all.",
            problems,
        )
    return tuple(Page(page.id, found[page.id].path, page.label) for page in recorded)


def _find_files(recorded: Sequence[RecordedPage], labelled: Sequence[Page]) -> dict[str, Page]:
    """Return the page of each recorded ID whose file has the recorded content; most are found under their own ID."""
    wanted = {page.id: page.sha256 for page in recorded}
    same_id = [page for page in labelled if page.id in wanted]
    digests = check_images(same_id, "skip").digests if same_id else {}
    found = {page.id: page for page in same_id if digests.get(page.id) == wanted[page.id]}
    if len(found) == len(wanted):
        return found
    others = [page for page in labelled if page.id not in found]
    digests = check_images(others, "skip").digests if others else {}
    by_content = {digests[page.id]: page for page in others if page.id in digests}
    moved = {page_id: by_content[digest] for page_id, digest in wanted.items() if digest in by_content}
    return moved | found


def _measure_ensemble(predictor: Predictor, data: Path | None) -> dict[str, Any]:
    """Predict each member's held-out pages again, and fit the combination without the pages that it is judged on."""
    run, card = predictor.folder, predictor.card
    entry = run.read_results("ensemble").ensemble
    if entry is None:
        raise UserError(f"{run.results_file}: has no entry of the ensemble; restore it from a copy.")
    aligned = align(read_members([member.path for member in member_folders(run)]))
    digests = aligned.members[0].digests()
    recorded = [
        RecordedPage(page_id, int(label), str(digests.get(page_id)), None)
        for page_id, label in zip(aligned.ids, aligned.labels, strict=True)
    ]
    pages = find_recorded(run, card, recorded, data)
    rows = np.empty((len(predictor.runs), len(pages), card.num_classes), dtype=np.float32)
    for number, (loaded, member) in enumerate(zip(predictor.runs, aligned.members, strict=True)):
        columns = loaded.columns(card.class_names)
        if not member.out_of_fold:
            own = predict_run(loaded.classifiers, pages, loaded.setup, loaded.views)
            if loaded.text is not None:
                own = _with_words(member_folders(run)[number], aligned.ids, own)
            rows[number] = own[:, columns]
            continue
        folds = member.predictions.loc[list(aligned.ids), "fold"].to_numpy()
        for fold, model in enumerate(loaded.classifiers):
            held_out = np.flatnonzero(folds == fold)
            predicted = predict_run([model], [pages[index] for index in held_out], loaded.setup, loaded.views)
            rows[number, held_out] = predicted[:, columns]
    probabilities = honest_probabilities(aligned, entry.method, entry.seed, rows)
    groups = page_groups(predictor.folder, aligned.ids)
    return summarise(aligned.labels, probabilities, card.class_names, groups)
