"""Writes the folder of an ensemble: a run folder that contains its members and does not need the original runs."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from munseo._ensemble.alignment import AlignedMembers
from munseo._ensemble.candidates import NUM_FOLDS, EnsembleJudgement, Evidence
from munseo._ensemble.members import EnsembleMember
from munseo._ensemble.verdict import sentences
from munseo._errors import UserError
from munseo._evaluation import macro_f1
from munseo._evaluation.judgement import judge_tables, write_gallery
from munseo._evaluation.metrics import log_loss, probability_columns
from munseo._prediction.combination import Stack, WeightedMean, member_folder, write_stack
from munseo._run import RunFolder, fingerprints
from munseo._run.atomic import write_json
from munseo._run.ensemble_scores import EnsembleScores
from munseo._run.manifest import identity
from munseo._run.results import Results

FILES = (
    "config.yaml",
    "held_out_predictions.parquet",
    "held_out_shifted_predictions.parquet",
    "manifest.json",
    "model.json",
    "pages.parquet",
    "results.json",
    "shift.yaml",
    "shifted_predictions.parquet",
    "val_predictions.parquet",
    "weights.safetensors",
    *("text/vocabulary.json", "text/weights.safetensors", "text/fusion.json"),
    *("image_predictions.parquet", "text_predictions.parquet"),
)
"""Files that are copied from each member: those that prediction needs, and another ensemble of the same members."""


def choose_folder(output: Path | str, members: Sequence[EnsembleMember]) -> Path:
    """Return the path of the ensemble: a plain name is a folder next to the first member, anything else is a path.

    Raises:
        UserError: The path exists already.
    """
    path = Path(output)
    if path.name == str(output):
        first = members[0].run
        path = (first.path.parent if first.is_fold else first.path).parent / path
    path = path.resolve()
    if path.exists():
        raise UserError(f"{path}: exists already; choose another name.")
    return path


def write_ensemble(
    path: Path,
    aligned: AlignedMembers,
    judgement: EnsembleJudgement,
    seed: int,
    command: Sequence[str],
    started: datetime,
) -> RunFolder:
    """Write the folder under a temporary name, then rename it, so that an interruption leaves no half ensemble.

    Args:
        path: Path of the ensemble; it must not exist.
        aligned: The members and their common pages.
        judgement: The fitted ensemble and its scores.
        seed: Seed of the folds and bootstraps.
        command: Words of the command that makes the ensemble again.
        started: Local time with its time zone.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = RunFolder(path.with_name(f".{path.name}.tmp"))
    shutil.rmtree(unfinished.path, ignore_errors=True)
    unfinished.path.mkdir()
    try:
        for number, member in enumerate(aligned.members):
            _copy(member.run, member_folder(unfinished, number))
        first = aligned.members[0]
        shutil.copyfile(first.run.config_file, unfinished.config_file)
        write_json(unfinished.model_file, first.card.to_dict())
        if isinstance(judgement.combination, Stack):
            write_stack(unfinished, judgement.combination)
        unfinished.write_table(unfinished.val_predictions_file, _predictions(aligned, judgement.clean_probabilities))
        if aligned.shifted is not None:
            shutil.copyfile(first.run.shift_file, unfinished.shift_file)
            unfinished.write_table(unfinished.shifted_predictions_file, _shifted_predictions(aligned, judgement))
        entry = results_entry(aligned, judgement, seed)
        unfinished.write_results(Results(ensemble=entry))  # It says whether the mean of k-fold members was judged.
        results = judge_tables(unfinished, unfinished.read_config(), first.card)
        unfinished.write_results(results.model_copy(update={"ensemble": entry}))
        copy_gallery(unfinished, aligned, judgement.clean_probabilities)
        manifest = _manifest(path.name, aligned, judgement, command, started)
        unfinished.update_manifest(**manifest, fingerprints=fingerprints(unfinished))
        unfinished.path.rename(path)
    finally:
        shutil.rmtree(unfinished.path, ignore_errors=True)
    return RunFolder(path)


def weights_of(judgement: EnsembleJudgement, num_members: int) -> list[float | None]:
    """Return the weight of each member; None in a stack, where a member has no single weight."""
    if isinstance(judgement.combination, WeightedMean):
        return [float(weight) for weight in judgement.combination.weights]
    return [None] * num_members


def results_entry(aligned: AlignedMembers, judgement: EnsembleJudgement, seed: int) -> EnsembleScores:
    """Return the ``ensemble`` entry of ``results.json``."""
    names = [member.name for member in aligned.members]
    weights = weights_of(judgement, len(names))
    members = []
    evidence = Evidence.of(aligned, seed)
    for name, row, weight, contribution in zip(names, evidence.rows, weights, judgement.contributions, strict=True):
        members.append(
            {
                "name": name,
                "weight": weight,
                "macro_f1": macro_f1(evidence.labels, row.argmax(axis=1), row.shape[1]),
                "loss": log_loss(evidence.labels, row),
                "contribution": contribution.to_dict(),
            }
        )
    opponent, difference = judgement.decisive
    entry = {
        "method": judgement.method,
        "decided_on": judgement.decided_on,
        "judged_by_mean": not any(member.out_of_fold for member in aligned.members),
        "num_pages": len(aligned.labels),
        "num_folds": NUM_FOLDS,
        "seed": seed,
        "conclusion": difference.conclusion,
        "decisive": opponent,
        "verdict": sentences(judgement, names),
        "best_member": names[judgement.best],
        "members": members,
        "candidates": judgement.candidates,
        "differences": {name: d.to_dict() for name, d in judgement.differences.items()},
        "would_drop": [names[number] for number in judgement.would_drop],
        "notes": [note.to_dict() for note in aligned.notes],
    }
    return EnsembleScores.model_validate(entry)


def _copy(run: RunFolder, target: RunFolder) -> None:
    target.path.mkdir(parents=True)
    for name in FILES:
        if (run.path / name).is_file():
            (target.path / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(run.path / name, target.path / name)
    for number, fold in enumerate(run.folds):
        _copy(fold, target.fold(number))


def _shifted_predictions(aligned: AlignedMembers, judgement: EnsembleJudgement) -> pd.DataFrame:
    assert aligned.shifted is not None
    draws = np.split(judgement.probabilities, len(aligned.shifted))
    return pd.concat(
        [_predictions(aligned, rows).assign(draw=draw) for draw, rows in enumerate(draws)], ignore_index=True
    )


def _predictions(aligned: AlignedMembers, probabilities: np.ndarray) -> pd.DataFrame:
    probabilities = probabilities.astype(np.float32)
    table = pd.DataFrame(probabilities, columns=probability_columns(probabilities.shape[1]))
    table.insert(0, "target", pd.Series(aligned.labels, dtype="Int64"))
    table.insert(0, "ID", list(aligned.ids))
    return table


def _manifest(
    name: str, aligned: AlignedMembers, judgement: EnsembleJudgement, command: Sequence[str], started: datetime
) -> dict[str, Any]:
    """Return the manifest: the identity that every run has, what the members share, and how they are combined."""
    manifests = [member.run.read_manifest() for member in aligned.members]
    data = {
        **{key: (manifests[0].get("data") or {}).get(key) for key in ("dir", "tables", "images_sha256", "num_test")},
        "num_val": len(aligned.labels),
        "notes": [str(note) for note in aligned.notes],
        "skipped": [],
    }
    parameters = [(manifest.get("model") or {}).get("num_parameters") for manifest in manifests]
    seconds = [member.run.read_course().seconds for member in aligned.members]
    weights = weights_of(judgement, len(manifests))
    members = [
        {"folder": f"members/{number}", "name": member.name, "weight": weight, "sha256": _fingerprints(member.run)}
        for number, (member, weight) in enumerate(zip(aligned.members, weights, strict=True))
    ]
    return {
        "format": 1,
        **identity(name, started, command),
        "kind": "ensemble",
        "status": "finished",
        "finished": datetime.now().astimezone().isoformat(timespec="seconds"),
        "data": data,
        "model": {"num_parameters": _sum_of_known(parameters)},
        "course": {"seconds": _sum_of_known(seconds)},
        "ensemble": {"method": judgement.method, "members": members},
    }


def _sum_of_known(values: Sequence[float | None]) -> float | None:
    """Return the sum; None if a value is not known, since the sum of the others would be another number."""
    known = [value for value in values if value is not None]
    return round(sum(known), 1) if len(known) == len(values) else None


def _fingerprints(run: RunFolder) -> dict[str, str]:
    """Return the SHA-256 of the weights of a run, or of each of its folds."""
    files = [folder.weights_file for folder in run.folds or [run]]
    digests = {}
    for file in files:
        with file.open("rb") as stream:
            digests[file.relative_to(run.path).as_posix()] = hashlib.file_digest(stream, "sha256").hexdigest()
    return digests


def copy_gallery(run: RunFolder, aligned: AlignedMembers, probabilities: np.ndarray) -> None:
    """Write ``gallery/`` as for any run, of the pages of which a member has a picture.

    ``probabilities`` are those of the ensemble, float (num_pages, num_classes).
    """
    pictures: dict[str, Path] = {}
    for member in aligned.members:
        pictures = _pictures(member.run) | pictures
    shown = [index for index, page_id in enumerate(aligned.ids) if page_id in pictures]
    ids = [aligned.ids[index] for index in shown]
    labels, rows = aligned.labels[shown], probabilities[shown]
    write_gallery(
        run, ids, labels, rows, aligned.class_names, lambda index, file: shutil.copyfile(pictures[ids[index]], file)
    )


def _pictures(run: RunFolder) -> dict[str, Path]:
    """Return the small picture of each page by its ID; file names that lead out of the gallery are not followed."""
    listing = run.gallery_dir / "pages.json"
    if not listing.is_file():
        return {}
    entries = json.loads(listing.read_text(encoding="utf-8"))
    files = {str(entry["id"]): run.gallery_dir / Path(str(entry["file"])).name for entry in entries}
    return {page_id: file for page_id, file in files.items() if file.is_file()}
