"""Combination: how the probabilities of an ensemble's members become one prediction, and where the members lie.

The members are run folders ``members/0``, ``members/1`` …. The manifest (``kind: ensemble``) says whether they are
combined by weights, which it holds too, or by a stack, which is kept in ``stack.safetensors``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from safetensors.numpy import load_file, save_file
from scipy.special import softmax

from munseo._errors import UserError
from munseo._run import RunFolder
from munseo._run.atomic import replacing

SMALLEST = 1e-6
"""Smaller probabilities count as this one before their logarithm is taken: one page must not decide a coefficient."""

Combination = Callable[[np.ndarray], np.ndarray]
"""A function from the members' probabilities (num_members, num_pages, num_classes) to one float64 array of them."""


@dataclass(frozen=True)
class WeightedMean:
    """A mean of probabilities ("linear opinion pool"; Stone, 1961); no weight is negative, and they sum to 1."""

    weights: np.ndarray

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Combine ``rows`` (num_members, num_pages, num_classes)."""
        total = np.zeros(rows.shape[1:])
        # Member by member, since the last digits of a matrix product depend on how many pages come at once.
        for weight, row in zip(self.weights, rows, strict=True):
            total += weight * row.astype(np.float64)
        return total


@dataclass(frozen=True)
class Stack:
    """A multinomial logistic regression on the members' log-probabilities (Wolpert, "Stacked generalization", 1992).

    Attributes:
        coefficients: float64 (num_classes, num_members · num_classes).
        intercepts: float64 (num_classes,).
    """

    coefficients: np.ndarray
    intercepts: np.ndarray

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Combine ``rows`` (num_members, num_pages, num_classes)."""
        return np.asarray(softmax(stack_features(rows) @ self.coefficients.T + self.intercepts, axis=1))


def stack_features(rows: np.ndarray) -> np.ndarray:
    """Return the log-probabilities that a stack reads, (num_pages, num_members · num_classes)."""
    num_members, num_pages, num_classes = rows.shape
    logs = np.log(np.clip(rows.astype(np.float64), SMALLEST, None))
    return logs.transpose(1, 0, 2).reshape(num_pages, num_members * num_classes)


def is_ensemble(run: RunFolder) -> bool:
    """Return whether the folder holds several runs and what combines them."""
    return run.manifest_file.is_file() and run.read_manifest().get("kind") == "ensemble"


def member_folders(run: RunFolder) -> list[RunFolder]:
    """Return the run folders in an ensemble, in the order of its weights."""
    return [member_folder(run, number) for number in range(len(_entry(run)["members"]))]


def member_folder(run: RunFolder, number: int) -> RunFolder:
    """Return the folder of one member, by its number: no path of a manifest is followed."""
    return RunFolder(run.path / "members" / str(number))


def all_weights_sha256(run: RunFolder) -> str:
    """Return one SHA-256 over all weights that predict for a run: those of every member and every fold."""
    total = hashlib.sha256()
    for member in member_folders(run) if is_ensemble(run) else [run]:
        for model in member.folds or [member]:
            with model.weights_file.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
            # The words' side, where the run uses it.
            for own in sorted(model.text_dir.glob("*")) if model.fusion_file.is_file() else ():
                total.update(hashlib.sha256(own.read_bytes()).digest())
    return total.hexdigest()


def read_combination(run: RunFolder) -> Combination:
    """Read what combines the members of an ensemble folder.

    Raises:
        UserError: The manifest or the stack's file do not fit the members.
    """
    entry = _entry(run)
    if entry.get("method") == "stack":
        return _read_stack(stack_file(run))
    weights = np.array([member.get("weight", np.nan) for member in entry["members"]], dtype=np.float64)
    if not (weights >= 0).all() or abs(weights.sum() - 1) > 1e-6:
        raise UserError(f"{run.manifest_file}: the weights should be 0 or more and sum to 1; make the ensemble again.")
    return WeightedMean(weights)


def stack_file(run: RunFolder) -> Path:
    """Return the file with the coefficients of a stack."""
    return run.path / "stack.safetensors"


def write_stack(run: RunFolder, stack: Stack) -> None:
    """Write the coefficients of a stack."""
    with replacing(stack_file(run)) as temporary:
        save_file({"coefficients": stack.coefficients, "intercepts": stack.intercepts}, temporary)


def _read_stack(file: Path) -> Stack:
    try:
        tensors = load_file(file)
        return Stack(tensors["coefficients"], tensors["intercepts"])
    except (OSError, KeyError, safetensors.SafetensorError) as error:
        raise UserError(f"{file}: not a stack that Munseo wrote ({error}); make the ensemble again.") from None


def _entry(run: RunFolder) -> dict[str, Any]:
    entry = run.read_manifest().get("ensemble")
    if not isinstance(entry, dict) or not entry.get("members"):
        raise UserError(f"{run.manifest_file}: does not say which members the ensemble has; make it again.")
    return entry
