"""What a run started with, and what has changed since: a run that goes on has to be the same run.

The manifest's entry ``start`` has the settings, and the SHA-256 of files that the rest of the run depends on. Pages are
compared with ``pages.parquet`` and classes with ``model.json``. Runs of earlier versions lack ``start``: of their
settings only those are compared that other entries of the manifest know.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from munseo._config import Config, parse_config
from munseo._config.key import OnResume, keys_of
from munseo._console import say
from munseo._model import ModelCard
from munseo._run import RunFolder
from munseo._run.run_inputs import read_page_table
from munseo._training.training_data import Collection, Split, describe_data, page_table

FILES = ("pages.parquet", "shift.yaml")
"""Files that a run writes when it starts and reads when it goes on."""


def describe_start(folder: RunFolder, config: Config) -> dict[str, Any]:
    """Return the manifest's entry ``start``: the settings, and the SHA-256 of those of ``FILES`` that exist."""
    return {"settings": config.to_dict(), "sha256": _digests(folder)}


def _digests(folder: RunFolder) -> dict[str, str]:
    files = [folder.path / name for name in FILES]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()}


# Settings


def settings_to_go_on(folder: RunFolder, epochs: int) -> tuple[Config, list[str]]:
    """Compare the configuration file of a run with the settings at its start.

    Args:
        folder: The run.
        epochs: The number of epochs to plan.

    Returns:
        The settings at the start, with the present values of those keys that may change; and a line for each key that
        may not and did.
    """
    config, recorded = folder.read_config(), _recorded_settings(folder)
    now, keys = config.to_dict(), keys_of(Config)
    changed = {name: (before, now[name]) for name, before in recorded.items() if name in now and now[name] != before}
    known_epochs = {epochs, *(entry.epochs for entry in folder.read_continuations())}
    problems = []
    for name, (before, value) in changed.items():
        if name == "epochs" and value in known_epochs:
            continue  # More epochs were asked for with ``munseo resume``.
        if keys[name].on_resume == OnResume.REFUSED:
            hint = f"; to train longer: munseo resume {folder.path} epochs={value}" if name == "epochs" else ""
            file = folder.config_file.name
            problems.append(f"{name}: {_shown(before)} at the start, {_shown(value)} in {file} now{hint}")
        elif keys[name].on_resume == OnResume.ROUNDED:
            say(f"{name}: {_shown(before)} at the start, {_shown(value)} from now on; sums are rounded differently")
    kept = {name: before for name, (before, _) in changed.items() if keys[name].on_resume == OnResume.REFUSED}
    return parse_config({**now, **kept, "epochs": epochs}, str(folder.config_file)), problems


def planned_epochs(folder: RunFolder) -> int:
    """Return the number of epochs that a run plans by now, whatever its configuration file says."""
    continuations = folder.read_continuations()
    if continuations:
        return continuations[-1].epochs
    known = _recorded_settings(folder).get("epochs")
    return folder.read_config().epochs if known is None else int(known)


def _recorded_settings(folder: RunFolder) -> dict[str, Any]:
    """Return the settings at the start by key, as far as the manifest knows them."""
    if settings := folder.read_start().settings:
        return {**Config().to_dict(), **settings}  # Keys that a later version added had their default.
    course, effective = folder.read_course(), folder.read_manifest().get("effective") or {}
    known = {
        "epochs": course.epochs_planned,
        "monitor": course.monitor,
        "lr": effective.get("lr_configured"),
        "channels_last": effective.get("channels_last"),
    }
    return {name: value for name, value in known.items() if value is not None}


# Data, classes and files


def problems_of_data(whole: RunFolder, folder: RunFolder, card: ModelCard, data: Collection, split: Split) -> list[str]:
    """Return a line for each difference between the data of a run or fold now, and those that it started with.

    Args:
        whole: The run.
        folder: The same, or one of its folds.
        card: The model card that the settings and the data give now.
        data: The pages now.
        split: The split of the run or fold now.
    """
    problems = [*_problems_of_files(folder), *_problems_of_card(folder, card)]
    if folder.pages_file.is_file():
        before, now = read_page_table(folder), page_table(data, split)
        for table, names in ((before, _class_names(folder)), (now, card.class_names)):
            table["label"] = [_class_name(names, target) for target in table["target"]]
        problems += _problems_of_pages(before, now)
    return [f"{folder.path.name}: {problem}" for problem in problems] if folder != whole else problems


def problems_of_tables(folder: RunFolder, config: Config, data: Collection, split: Split) -> list[str]:
    """Return a line for each table that was changed, added or removed since the run started, and for other classes."""
    before, now = folder.read_manifest()["data"], describe_data(config, data, split)
    tables = before["tables"]
    problems = [f"{name}: changed" for name in tables if now["tables"].get(name, tables[name]) != tables[name]]
    problems += [f"{name}: gone" for name in tables if name not in now["tables"]]
    problems += [f"{name}: was not there at the start" for name in now["tables"] if name not in tables]
    names, names_now = _class_names(folder), list(data.pages.class_names)
    if names != names_now:
        problems.append(f"classes: {_shown(names)} at the start, {_shown(names_now)} now")
    if not problems and not folder.pages_file.is_file() and before["images_sha256"] != now["images_sha256"]:
        problems = ["images: some are not those of the start"]
    return problems


def _class_names(folder: RunFolder) -> list[str]:
    return [str(entry["class"]) for entry in folder.read_manifest()["data"]["class_counts"]]


def _class_name(names: Sequence[str], target: Any) -> str:
    return "none" if pd.isna(target) else names[int(target)] if 0 <= int(target) < len(names) else str(target)


def _problems_of_files(folder: RunFolder) -> list[str]:
    before, now = folder.read_start().sha256, _digests(folder)
    return [f"{name}: not the file that the run wrote at its start" for name in before if before[name] != now.get(name)]


def _problems_of_card(folder: RunFolder, card: ModelCard) -> list[str]:
    if not folder.model_file.is_file():
        return []
    before, now = folder.read_json(folder.model_file), json.loads(json.dumps(card.to_dict()))
    differing = [name for name in before if name in now and before[name] != now[name]]
    return [f"{name}: {_shown(before[name])} in model.json, {_shown(now[name])} now" for name in differing]


def _problems_of_pages(before: pd.DataFrame, now: pd.DataFrame) -> Iterator[str]:
    """Yield a line for each page that is new, gone, or has another part, label or image."""
    first, second = _by_page(before), _by_page(now)
    if not first.index.is_unique:
        yield "pages.parquet: has a page twice"
        return
    gone, new = first.index.difference(second.index, sort=False), second.index.difference(first.index, sort=False)
    yield from (f"{side}/{page}: gone" for side, page in gone)
    yield from (f"{side}/{page}: was not there at the start" for side, page in new)
    both = first.index.intersection(second.index, sort=False)
    a, b = first.loc[both].to_dict("records"), second.loc[both].to_dict("records")
    for (side, page), then, later in zip(both, a, b, strict=True):
        if then["part"] != later["part"]:
            yield f"{page}: {then['part']} page at the start, {later['part']} page now"
        if then["label"] != later["label"]:
            yield f"{page}: label {then['label']} at the start, {later['label']} now"
        if then["sha256"] != later["sha256"]:
            yield f"{side}/{page}: the image has changed"
    same_pages = not len(gone) and not len(new) and all(x["part"] == y["part"] for x, y in zip(a, b, strict=True))
    if same_pages and first.index.tolist() != second.index.tolist():
        yield "pages: their order has changed"


def _by_page(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table by side and ID: a test page may have the ID of a labelled page."""
    sides = ["test" if part == "test" else "train" for part in table["part"]]
    ids = table["ID"].astype(str)
    columns = table[["part", "label"]].assign(sha256=table["sha256"].fillna(""))
    return columns.set_index(pd.MultiIndex.from_arrays([sides, ids]))


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:100]}…"
