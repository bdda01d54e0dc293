"""Edit the settings or the data of a killed run, and check that ``munseo resume`` refuses or goes on to the same bits.

    python benchmarks/torture_resume.py [--json FILE]

A run is killed in its second epoch (SIGKILL, while the state is being replaced). Each attack has a copy of its folder
and of its data. *Refused* means: exit code 2, the message names what was changed, and no file of the run has changed.
*Harmless* edits have to end as the run that nothing interrupted: weights, metrics, all tables of predictions and the
submission, with tolerance zero. At last a finished run is trained longer, killed twice, and resumed, and has to end as
one that was trained longer without a kill.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import yaml
from PIL import Image
from torture_training import TINY, differences

SETTINGS: dict[str, Any] = {**TINY, "num_workers": 0, "shift": "none", "scheduler_name": "OneCycleLR"}
TORTURE = Path(__file__).with_name("torture_training.py")


class Attack(NamedTuple):
    """What is done to a run folder and its data, and what the refusal has to name; None: it has to be accepted."""

    name: str
    act: Callable[[Path, Path], object]
    named: str | None


def setting(key: str, value: Any) -> Callable[[Path, Path], object]:
    """Return an attack that edits a key of ``config.yaml``."""

    def edit(run: Path, data: Path) -> None:
        file = run / "config.yaml"
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert values[key] != value
        file.write_text(yaml.safe_dump({**values, key: value}), encoding="utf-8")

    return edit


def _meta(run: Path, data: Path) -> None:
    targets = sorted(pd.read_csv(data / "train.csv")["target"].unique(), reverse=True)
    pd.DataFrame({"target": targets, "class_name": targets}).to_csv(data / "meta.csv", index=False)


def _table(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path, Path], object]:
    def edit(run: Path, data: Path) -> None:
        change(pd.read_csv(data / name)).to_csv(data / name, index=False)

    return edit


def _relabelled(table: pd.DataFrame) -> pd.DataFrame:
    table.loc[0, "target"] = table["target"].iloc[-1]
    return table


def _image(part: str) -> Callable[[Path, Path], object]:
    def edit(run: Path, data: Path) -> None:
        file = min((data / part).iterdir())
        page = np.asarray(Image.open(file).convert("RGB")).copy()
        page[:8] = 0
        Image.fromarray(page).save(file)

    return edit


def _swapped(run: Path, data: Path) -> None:
    first, second = sorted((data / "train").iterdir())[:2]
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


def _parts(run: Path, data: Path) -> None:
    file = run / "pages.parquet"
    table = pd.read_parquet(file)
    table["part"] = table["part"].map({"train": "val", "val": "train"}).fillna(table["part"])
    table.to_parquet(file, index=False)


ATTACKS = (
    Attack("random_seed edited", setting("random_seed", 7), "random_seed: 42 at the start, 7 in config.yaml now"),
    Attack("val_split_ratio edited", setting("val_split_ratio", 0.5), "val_split_ratio: 0.25 at the start, 0.5"),
    Attack("lr edited", setting("lr", 1.0), "lr: 0.003 at the start, 1.0"),
    Attack("epochs edited", setting("epochs", 9), "epochs: 3 at the start, 9"),
    Attack("image_size edited", setting("image_size", 96), "image_size: 64 at the start, 96"),
    Attack("batch_size edited", setting("batch_size", 3), "batch_size: 10 at the start, 3"),
    Attack("monitor edited", setting("monitor", "val_macro_f1"), "monitor: "),
    Attack("n_folds edited", setting("n_folds", 2), "n_folds: 0 at the start, 2"),
    Attack("split_by_likeness edited", setting("split_by_likeness", "none"), "split_by_likeness: "),
    Attack("meta.csv added", _meta, "meta.csv: was not there at the start"),
    Attack("a label changed", _table("train.csv", _relabelled), "label "),
    Attack("a train page removed", _table("train.csv", lambda table: table[1:]), ": gone"),
    Attack("rows in another order", _table("train.csv", lambda table: table[::-1]), "train.csv: changed"),
    Attack("a train image changed", _image("train"), ": the image has changed"),
    Attack("two train images swapped", _swapped, ": the image has changed"),
    Attack("a test image changed", _image("test"), ": the image has changed"),
    Attack("the sample submission cut", _table("sample_submission.csv", lambda table: table[:-3]), ": gone"),
    Attack(
        "the sample submission turned round", _table("sample_submission.csv", lambda table: table[::-1]), ": changed"
    ),
    Attack("pages.parquet edited", _parts, "pages.parquet: not the file that the run wrote at its start"),
    Attack("num_workers edited", setting("num_workers", 2), None),
    Attack("language edited", setting("language", "ko"), None),
    Attack("save_every_minutes edited", setting("save_every_minutes", 5.0), None),
)


def main() -> None:
    """Read the command line and run; exit with 1 if an attack had an effect, or a harmless edit was refused."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="munseo-torture-") as folder:
        os.environ |= {"MUNSEO_CACHE": f"{folder}/cache", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        rows = _attack_all(Path(folder))
    withstood = sum(not row["problems"] for row in rows)
    print(f"withstood {withstood} / tried {len(rows)}")
    if options.json:
        options.json.write_text(json.dumps({"withstood": withstood, "tried": len(rows), "attacks": rows}, indent=2))
    sys.exit(withstood != len(rows))


def _attack_all(folder: Path) -> list[dict[str, Any]]:
    from munseo import _synth as specimens

    data = specimens.generate(folder / "data", num_train=72, num_test=17, longest_side_px=128, num_workers=1)
    (data / "meta.csv").unlink()
    (folder / "plain.yaml").write_text("{}\n")
    whole = _train(folder / "whole", data)
    killed = _train(folder / "killed", data, kill=("renaming", "9"))
    rows = []
    for attack in ATTACKS:
        run, own_data = folder / "attacked" / killed.name, folder / "attacked" / "data"
        shutil.copytree(killed, run)
        shutil.copytree(data, own_data)
        attack.act(run, own_data)
        before = _contents(run)
        done = _munseo("resume", run, "--data", own_data)
        if attack.named is None:
            problems = differences(whole, run) if done.returncode == 0 else [done.stderr]
        else:
            problems = (
                [] if done.returncode == 2 and attack.named in done.stderr else [f"{done.returncode}: {done.stderr}"]
            )
            problems += [] if _contents(run) == before else ["the refusal changed the run folder"]
        rows.append({"attack": attack.name, "refused": done.returncode == 2, "problems": problems})
        print(f"{attack.name}: {'; '.join(problems) or ('refused' if attack.named else 'the same bits')}", flush=True)
        shutil.rmtree(folder / "attacked")
    rows.append(_longer(folder, whole))
    print(f"{rows[-1]['attack']}: {'; '.join(rows[-1]['problems']) or 'the same bits'}", flush=True)
    return rows


def _longer(folder: Path, whole: Path) -> dict[str, Any]:
    """Train a finished run longer, without kills and with two: before its first state, and later."""
    runs = [Path(shutil.copytree(whole, folder / name / whole.name)) for name in ("longer", "longer-killed")]
    _check(_munseo("resume", runs[0], "epochs=5"))
    for number, words in (("1", ["epochs=5"]), ("4", [])):
        done = _munseo("resume", runs[1], *words, kill=("renaming", number))
        assert done.returncode == -signal.SIGKILL, done.stderr
    _check(_munseo("resume", runs[1]))
    problems = differences(*runs)
    epochs = [len(pd.read_csv(run / "metrics.csv")) for run in runs]
    problems += [] if epochs == [5, 5] else [f"epochs: {epochs}"]
    return {"attack": "more epochs, killed twice", "refused": False, "problems": problems}


def _train(runs: Path, data: Path, kill: tuple[str, str] | None = None) -> Path:
    values = {**SETTINGS, "data_dir": data, "runs_dir": runs}
    done = _munseo("train", data.parent / "plain.yaml", *(f"{key}={value}" for key, value in values.items()), kill=kill)
    assert done.returncode == (0 if kill is None else -signal.SIGKILL), done.stderr
    return next(runs.glob("*/manifest.json")).parent


def _munseo(*words: Any, kill: tuple[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    start = ["-m", "munseo"] if kill is None else [str(TORTURE), "--child", *kill]
    command = [sys.executable, *start, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _check(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr


def _contents(run: Path) -> dict[str, bytes]:
    """Return the files of a run, without the lock and the half written files that the next process clears away."""
    files = [file for file in run.rglob("*") if file.is_file() and file.suffix != ".tmp" and file.name != ".lock"]
    return {str(file.relative_to(run)): file.read_bytes() for file in files}


if __name__ == "__main__":
    main()
