"""The name of a run, which describes it as in the reference report, and its folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

MODEL_NAME_CHARACTERS = 80
"""The most characters that the model takes in a run's name. timm's longest name has fewer; file systems allow 255 bytes
for a name, extensions included."""


def run_name(
    started: datetime,
    *,
    model_name: str,
    optimizer_name: str,
    scheduler_name: str,
    image_size: int,
    online_augmentation: bool,
    augmentations: Sequence[str],
    class_augmentation: bool,
    tta: bool,
    mixed_precision: bool,
) -> str:
    """Compose the name of a run.

    Example:
        ``2507051934-efficientnet_b4.ra2_in1k-opt_AdamW-sch_CosineAnnealingLR-img320-onaug_eda-clsaug_1-TTA_0-MP_0``
    """
    names = "_".join(augmentations) or "none"
    parts = [
        f"{started:%y%m%d%H%M}",
        re.sub(r"[^\w.]+", "_", model_name, flags=re.ASCII)[:MODEL_NAME_CHARACTERS],
        f"opt_{optimizer_name}",
        f"sch_{scheduler_name}",
        f"img{image_size}",
        f"{'on' if online_augmentation else 'off'}aug_{names}",
        f"clsaug_{int(class_augmentation)}",
        f"TTA_{int(tta)}",
        f"MP_{int(mixed_precision)}",
    ]
    return "-".join(parts)


def make_folder(runs_dir: Path, name: str) -> Path:
    """Create ``runs_dir/name`` or, if a run of the same minute has it already, ``name-2``, ``name-3`` and so on."""
    runs_dir.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = runs_dir / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder
