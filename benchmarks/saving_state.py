"""Measure what it costs that training can be resumed: the time of a save, and of a step without a save.

    python benchmarks/saving_state.py [--model efficientnet_lite0] [--folder FOLDER]

It trains one epoch on generated pages twice: once with a saved state at every step, once with one after the epoch.
Pages are small, since a state does not depend on their size. The disk of the folder is measured: a state is written and
flushed.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from munseo import _synth as specimens
from munseo._config import load_config
from munseo._console import quietly
from munseo._training import checkpoint as saving
from munseo._training.training_run import fit, start_run

VALUES = {
    "pretrained": "false", "image_size": 64, "batch_size": 6, "epochs": 1, "device": "cpu", "num_workers": 0,
    "shift": "none", "ema_decay": 0.99, "val_split_ratio": 0.25,
}  # fmt: skip


def main() -> None:
    """Read the command line, measure, and print four lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="efficientnet_lite0")
    parser.add_argument("--folder", type=Path, help="on the disk to measure; default: for temporary files")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="munseo-saving-", dir=options.folder) as name:
        folder = Path(name)
        data = specimens.generate(folder / "data", num_train=102, num_test=17, longest_side_px=128, num_workers=1)
        (folder / "plain.yaml").write_text("{}\n")
        saves = _seconds(saving, "save_state")
        run = _train(folder, {**VALUES, "model_name": options.model, "data_dir": data, "save_every_minutes": 1e-6})
        num_saves, num_bytes = len(saves), run.state_file.stat().st_size
        asked = _seconds(saving.StateSaver, "on_train_batch_start")
        _train(folder, {**VALUES, "model_name": options.model, "data_dir": data, "save_every_minutes": 10})
    print(f"state of {options.model} with AdamW and an average: {num_bytes / 1e6:.1f} MB")
    save = statistics.median(saves[:num_saves])
    print(f"a save: {save * 1e3:.0f} ms (median of {num_saves}, slowest {max(saves[:num_saves]) * 1e3:.0f} ms)")
    print("of the time of training: " + ", ".join(f"{save / 60 / m:.3%} every {m} min" for m in (1, 10)))
    print(f"a step without a save: {statistics.median(asked) * 1e6:.1f} us (median of {len(asked)})")


def _seconds(holder: Any, name: str) -> list[float]:
    """Return a list that gets the seconds of each call from now on."""
    original: Callable[..., Any] = getattr(holder, name)
    seconds: list[float] = []

    def timed(*positional: Any, **named: Any) -> Any:
        started = time.perf_counter()
        result = original(*positional, **named)
        seconds.append(time.perf_counter() - started)
        return result

    setattr(holder, name, timed)
    return seconds


def _train(folder: Path, values: dict[str, Any]) -> Any:
    words = [f"{key}={value}" for key, value in {**values, "runs_dir": folder / "runs"}.items()]
    with quietly():
        training = start_run(load_config(folder / "plain.yaml", words), ["saving_state.py"])
        fit(training.folder, training.config, training.card, training.splits[0], [])
    return training.folder


if __name__ == "__main__":
    main()
