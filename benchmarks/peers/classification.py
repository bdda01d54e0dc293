"""What the contenders of ``predict_peers.py`` share: their arguments, the pages, the table. Nothing of Munseo."""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

EXTENSIONS = (".jpg", ".jpeg", ".png")


def parse(description: str | None) -> tuple[argparse.Namespace, dict[str, Any]]:
    """Read the arguments, and the card that says how pages are prepared and what the classes are called."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--card", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--output", "-o", type=Path, required=True)
    parser.add_argument("--batch", type=int, default=32)
    words = parser.parse_args()
    card: dict[str, Any] = json.loads(words.card.read_text(encoding="utf-8"))
    return words, card


def pictures(folder: Path) -> list[Path]:
    """List the pages of a folder."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS)


def write(file: Path, pages: Sequence[Path], targets: Sequence[str]) -> None:
    """Write the table ``ID,target``."""
    with file.open("w", encoding="utf-8", newline="") as lines:
        table = csv.writer(lines)
        table.writerow(["ID", "target"])
        table.writerows([page.name, target] for page, target in zip(pages, targets, strict=True))
