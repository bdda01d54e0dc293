"""Opens a run folder for a new run, and knows an old one again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from munseo._config import Config, dump_config
from munseo._console import console, say
from munseo._errors import UserError
from munseo._model import ModelCard
from munseo._prediction import choose_device
from munseo._run import RunFolder, make_folder, run_name
from munseo._run.atomic import write_text
from munseo._run.manifest import identity
from munseo._shift.recipe_file import read_recipe, write_recipe
from munseo._training.hardware import announce, announced_folder, rank
from munseo._training.training_data import Collection, Parts, choose_recipe, collect, describe, divide, page_table
from munseo._training.training_pages import AugmentationPlan
from munseo._training.training_run import make_card


@dataclass(frozen=True)
class Prepared:
    """Everything that training needs and that is the same for all folds.

    Attributes:
        run: The run folder.
        config: Its configuration.
        card: Architecture, classes, preprocessing.
        collection: All pages.
        splits: One split, or one a fold.
    """

    run: RunFolder
    config: Config
    card: ModelCard
    collection: Collection
    splits: list[Parts]

    @property
    def folders(self) -> list[RunFolder]:
        """The folder of each split."""
        return [self.run] if len(self.splits) == 1 else [self.run.fold(k) for k in range(len(self.splits))]


def prepare(config: Config, command: Sequence[str]) -> Prepared:
    """Check all the data, then make the run folder; nothing is left behind if something is wrong.

    Args:
        config: The configuration.
        command: The words that start this run again.
    """
    if rank() > 0:
        console.quiet = True
    collection = collect(config)
    card = make_card(config, collection.pages)
    recipe = choose_recipe(config, collection)
    splits = divide(config, collection, recipe)
    run = RunFolder(
        announced_folder()
        or announce(_make(config, splits[0].plan) if rank() == 0 else None, choose_device(config.device).type)
    )
    if rank() == 0:
        say(f"run: {run.path}")
        prepared = Prepared(run, config, card, collection, splits)
        started = datetime.now().astimezone()
        for folder, parts in zip(prepared.folders, splits, strict=True):
            folder.path.mkdir(exist_ok=True)
            write_recipe(folder, recipe)
            _write_start(folder, config, collection, parts, command, started)
        if len(splits) > 1:
            write_recipe(run, recipe)
            _write_start(run, config, collection, splits[0], command, started)
    return Prepared(run, config, card, collection, splits)


def prepare_again(run: RunFolder, data_dir: Path | None = None, num_workers: int | None = None) -> Prepared:
    """Prepare the data of an interrupted run and make sure that they are still the same.

    Args:
        run: The run folder.
        data_dir: Where the data are now; None: where they were.
        num_workers: Loader workers from now on; None: as configured. The end of the run does not depend on them.

    Raises:
        UserError: Tables or images differ from those the run started with.
    """
    if rank() > 0:
        console.quiet = True
    config = run.read_config()
    changed = {"data_dir": data_dir, "num_workers": num_workers}
    config = config.model_copy(update={name: value for name, value in changed.items() if value is not None})
    collection = collect(config)
    splits = divide(config, collection, read_recipe(run))
    before = run.read_manifest()["data"]
    now = describe(config, collection, splits[0])
    problems = [
        f"{name}: changed" for name, digest in before["tables"].items() if now["tables"].get(name, digest) != digest
    ]
    problems += [f"{name}: gone" for name in before["tables"] if name not in now["tables"]]
    if not problems and before["images_sha256"] != now["images_sha256"]:
        problems = ["images: some are not those of the start"]
    if problems:
        raise UserError(f"{run.path}: the data have changed since the run started; start a new run.", problems)
    announce(run.path, choose_device(config.device).type)
    return Prepared(run, config, make_card(config, collection.pages), collection, splits)


def _make(config: Config, plan: AugmentationPlan) -> Path:
    name = run_name(
        datetime.now().astimezone(),
        model_name=config.model_name,
        optimizer_name=config.optimizer_name,
        scheduler_name=config.scheduler_name,
        image_size=config.image_size,
        online_augmentation=config.online_augmentation,
        augmentations=plan.names,
        class_augmentation=config.class_imbalance is not None,
        tta=config.TTA,
        mixed_precision=config.mixed_precision,
    )
    return make_folder(Path(config.runs_dir).resolve(), name)


def _write_start(
    folder: RunFolder, config: Config, collection: Collection, parts: Parts, command: Sequence[str], started: datetime
) -> None:
    resolved = config.model_copy(
        update={"data_dir": Path(config.data_dir).resolve(), "runs_dir": Path(config.runs_dir).resolve()}
    )
    if isinstance(config.pretrained, str):  # a run is resumed from any folder
        resolved.pretrained = str(Path(config.pretrained).expanduser().resolve())
    write_text(folder.config_file, dump_config(resolved))
    folder.write_table(folder.pages_file, page_table(collection, parts))
    # Last: a folder with a manifest is a run that can be resumed.
    folder.update_manifest(**identity(folder.name, started, command), data=describe(config, collection, parts))
