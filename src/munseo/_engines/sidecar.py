"""The sidecar of an exported graph: which weights it was made from, and how pages must be prepared for it.

The graph takes normalised floats and returns logits. Everything before and after it is described here for other
programs, and compared with the run's model card and weights before Munseo itself uses the graph.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from munseo._engines.engine import export_command
from munseo._engines.graph import INPUT, OUTPUT
from munseo._errors import UserError
from munseo._model import ModelCard
from munseo._model.pretrained import file_sha256
from munseo._run import RunFolder

SIDECAR = "preprocessing.json"
FORMAT = 1
"""Version of the sidecar's format."""


def describe(card: ModelCard) -> dict[str, Any]:
    """Describe everything about a graph that follows from the model card, so that another program can act on it."""
    size = card.image_size
    normalise = {"formula": "(pixel / 255 - mean) / std", "mean": card.norm_mean, "std": card.norm_std}
    return {
        "model_name": card.model_name,
        "input": {"name": INPUT, "dtype": "float32", "layout": "NCHW", "shape": ["batch", 3, size, size]},
        "preprocessing": [
            {"step": "decode", "colour": "RGB", "dtype": "uint8", "exif_orientation": "applied", "alpha": "on white"},
            {"step": "resize", "longest_side_px": size, "interpolation": "area when smaller, cubic when larger"},
            {"step": "pad", "to_px": [size, size], "colour": [255, 255, 255], "position": "centre"},
            {"step": "orient", "orientation": card.orientation},
            {"step": "normalise", **normalise},
        ],
        "output": {"name": OUTPUT, "dtype": "float32", "shape": ["batch", card.num_classes], "meaning": "logits"},
        "class_names": card.class_names,
        "class_targets": card.class_targets,
    }


def read_sidecar(folder: Path, run: RunFolder, card: ModelCard) -> dict[str, Any]:
    """Read the sidecar of an export and make sure that the graph next to it belongs to this run.

    Raises:
        UserError: The sidecar is missing or differs from the model card, the weights have changed since, or a file of
            the graph is not the one that was checked: each of them named.
    """
    file = folder / SIDECAR
    sidecar = run.read_json(file)
    if sidecar.get("format") != FORMAT:
        raise UserError(f"{file}: written by another version of Munseo; {_export_again(folder, run)}")
    expected = _plain(describe(card))
    problems = [
        f"{key}: the sidecar says {_short(sidecar.get(key))}, the model card {_short(value)}"
        for key, value in expected.items()
        if sidecar.get(key) != value
    ]
    if sidecar.get("weights_sha256") != file_sha256(run.weights_file):
        problems.append(f"{run.weights_file.name}: changed since the export")
    problems += _changed_files(folder, sidecar.get("files"))
    if problems:
        raise UserError(f"{folder}: does not belong to this run as it is now; {_export_again(folder, run)}", problems)
    return sidecar


def _export_again(folder: Path, run: RunFolder) -> str:
    return f"export it again: {export_command(run_for_commands(run), folder.name)}."


def run_for_commands(run: RunFolder) -> Path:
    """Return the folder that commands accept: for a fold or a member, the run that contains it."""
    path = run.path.parent if run.is_fold else run.path
    return path.parent.parent if path.parent.name == "members" else path


def _changed_files(folder: Path, files: Any) -> list[str]:
    if not isinstance(files, dict) or not files:
        return ["files: the sidecar lists none"]
    problems = []
    for name, digest in files.items():
        file = folder / Path(name).name
        if not file.is_file():
            problems.append(f"{name}: missing")
        elif file_sha256(file) != digest:
            problems.append(f"{name}: not the file that was checked")
    return problems


def _plain(value: Any) -> Any:
    """Return a value as JSON gives it back, with lists in place of tuples."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 100 else f"{text[:97]}…"
