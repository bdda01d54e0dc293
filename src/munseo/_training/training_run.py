"""A training run, from its configuration to the finished run folder: read this file from top to bottom.

The data are collected and split; each split is trained, and its best weights are judged; the test pages are predicted,
and the report is written. Below each function are the helpers that only it uses. The rest is in a file of this package
named after its subject: ``training_data.py`` has the pages, ``module.py`` one training step, ``sampler.py`` the order
of an epoch, ``training_pages.py`` the augmentation, ``optimizer.py`` and ``loss.py`` what their names say,
``callbacks.py`` what is written after an epoch, ``checkpoint.py`` the saved state, and ``resume.py`` how it goes on.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger

from munseo import _report as reports
from munseo._config import Config, dump_config
from munseo._console import console, hush, say
from munseo._data import PageSet
from munseo._errors import Interrupted
from munseo._evaluation.held_out import MEAN_NOT_JUDGED, judges_its_predictions
from munseo._memory import keep_freed_memory
from munseo._model import Classifier, ModelCard, WeightsRecord, build_classifier, freeze, model_normalisation
from munseo._prediction.device import choose_device
from munseo._prediction.submission import predict_test_pages
from munseo._run import RunFolder, fingerprints, make_folder, run_name
from munseo._run.atomic import write_json, write_text
from munseo._run.manifest import command_words, identity
from munseo._shift.recipe_file import write_recipe
from munseo._training.callbacks import Progress, Recorder
from munseo._training.checkpoint import StateSaver, read_state
from munseo._training.continuation import continuations_in, is_judged, remove_old_results
from munseo._training.hardware import (
    CompileChoice,
    Hardware,
    announce,
    announced_folder,
    choose_compile,
    choose_hardware,
    cluster_environment,
    compiled_forward,
    device_name,
    join_launcher,
    rank,
    wait_for_all,
)
from munseo._training.joined_folds import join_folds, predict_held_out
from munseo._training.module import PageClassifier
from munseo._training.signals import (
    StopRequested,
    describe_killed,
    killed_workers,
    marking_failure,
    noting_signals,
    resumable,
)
from munseo._training.start_checks import check_start
from munseo._training.start_record import describe_start
from munseo._training.stop_rules import EndReason, StopRule, build_stop_rules, end_reason, restore_stop_rules
from munseo._training.text_validation import collect_texts
from munseo._training.trackers import tracking
from munseo._training.training_data import (
    Collection,
    Split,
    choose_recipe,
    collect,
    describe_data,
    make_splits,
    page_table,
)
from munseo._training.training_pages import TrainingPages
from munseo._training.validation import judge, say_scores

NUM_SHOWN = 24
"""Training pages in the picture of samples."""


@dataclass(frozen=True)
class TrainingRun:
    """A run whose data are read and whose folder exists; there is one split, or one for each fold."""

    folder: RunFolder
    config: Config
    card: ModelCard
    collection: Collection
    splits: list[Split]

    @property
    def folders(self) -> list[RunFolder]:
        """The folder of each split."""
        return [self.folder] if len(self.splits) == 1 else [self.folder.fold(k) for k in range(len(self.splits))]


def train_run(config: Config) -> Path:
    """Train a new run from beginning to end.

    Returns:
        The run folder.

    Raises:
        UserError: Something in the configuration or the data is wrong: all of it in one message.
        Interrupted: The run was stopped by a signal; ``resume_run`` continues it.
    """
    training = start_run(config, command_words())
    with resumable(training.folder):
        finish_run(training)
    return training.folder.path


def start_run(config: Config, command: Sequence[str]) -> TrainingRun:
    """Read and check all the data, then make the run folder; nothing is left behind if something is wrong.

    The manifest gets ``command``, the words of the command line that starts this run again.
    """
    join_launcher(config)
    if rank() > 0:
        console.quiet = True
    check_start(config)
    collection = collect(config)
    collect_texts(config, collection)
    card = make_card(config, collection.pages)
    splits = make_splits(config, collection, choose_recipe(config, collection))
    folder = announced_folder() or announce(
        _make_folder(config, splits[0]) if rank() == 0 else None, choose_device(config.device).type
    )
    training = TrainingRun(RunFolder(folder), config, card, collection, splits)
    if rank() == 0:
        say(f"run: {folder}")
        started = datetime.now().astimezone()
        for split_folder, split in zip(training.folders, splits, strict=True):
            split_folder.path.mkdir(exist_ok=True)
            _write_start(split_folder, config, collection, split, command, started)
        if len(splits) > 1:
            _write_start(training.folder, config, collection, splits[0], command, started)
    wait_for_all()  # The other processes read what the first one has written.
    return training


def make_card(config: Config, pages: PageSet) -> ModelCard:
    """Return the card of the model: architecture, classes and preprocessing.

    Raises:
        UserError: Pages should be normalised as the model was trained, and it does not say how that was.
    """
    if config.norm_mean == "model" or config.norm_std == "model":
        mean, std = model_normalisation(config.model_name)
    else:
        mean, std = tuple(config.norm_mean), tuple(config.norm_std)
    return ModelCard(
        model_name=config.model_name,
        class_names=pages.class_names,
        class_targets=pages.class_targets,
        image_size=config.image_size,
        norm_mean=mean,
        norm_std=std,
        tta_views=tuple(config.tta_views) if config.TTA else ("identity",),
        tta_space=config.tta_space,
        orientation=config.orientation,
        head_hidden=config.head_hidden,
        activation=config.activation,
        drop_rate=config.drop_rate,
        drop_path_rate=config.drop_path_rate,
    )


def _make_folder(config: Config, split: Split) -> Path:
    keys = ("model_name", "optimizer_name", "scheduler_name", "image_size", "online_augmentation", "mixed_precision")
    name = run_name(
        datetime.now().astimezone(),
        augmentations=split.plan.names,
        class_augmentation=config.class_imbalance is not None,
        tta=config.TTA,
        **{key: getattr(config, key) for key in keys},
    )
    return make_folder(Path(config.runs_dir).resolve(), name)


def _write_start(
    folder: RunFolder, config: Config, collection: Collection, split: Split, command: Sequence[str], started: datetime
) -> None:
    # A run may be resumed from any working directory, so its paths are absolute.
    resolved = config.model_copy(
        update={"data_dir": Path(config.data_dir).resolve(), "runs_dir": Path(config.runs_dir).resolve()}
    )
    if isinstance(config.pretrained, str):
        resolved.pretrained = str(Path(config.pretrained).expanduser().resolve())
    write_recipe(folder, split.recipe)
    write_text(folder.config_file, dump_config(resolved))
    folder.write_table(folder.pages_file, page_table(collection, split))
    # The manifest comes last: a folder with a manifest is a run that can be resumed.
    folder.update_manifest(
        **identity(folder.name, started, command),
        data=describe_data(config, collection, split),
        start=describe_start(folder, resolved),
    )


def finish_run(training: TrainingRun) -> None:
    """Train and judge every split that has no results yet, predict the test pages, and write the report.

    Raises:
        UserError: Something in the input is wrong; the run is then marked as failed.
    """
    with marking_failure(training.folder):
        _finish(training)


def _finish(training: TrainingRun) -> None:
    folder = training.folder
    started = time.monotonic()
    if rank() == 0 and not is_judged(folder):
        remove_old_results(folder)
    for split_folder, split in zip(training.folders, training.splits, strict=True):
        if not _is_done(split_folder):
            _finish_split(training, split_folder, split)
    if rank() > 0:
        return
    if len(training.splits) > 1:
        if training.splits[0].held_out:
            predict_held_out(folder, training.config, training.splits[0])
        join_folds(folder, training.config, training.card, training.collection)
        reports.draw_plots(folder)
    if training.collection.pages.test:
        predict_test_pages(folder, training.collection.pages, training.collection.skipped)
    elif not judges_its_predictions(folder):
        say(MEAN_NOT_JUDGED)
    for fold in folder.folds:
        fold.update_manifest(status="finished", fingerprints=fingerprints(fold))
    finished = datetime.now().astimezone().isoformat(timespec="seconds")
    folder.update_manifest(status="finished", finished=finished, fingerprints=fingerprints(folder))
    written = reports.write_report(folder)
    say_scores(folder, time.monotonic() - started)
    say(f"report: {next(path for path in written if path.name == 'report.html')}")


def _is_done(folder: RunFolder) -> bool:
    """Return whether this is a fold of which nothing is left to do."""
    return folder.is_fold and is_judged(folder) and folder.read_manifest()["status"] == "finished"


def _finish_split(training: TrainingRun, folder: RunFolder, split: Split) -> None:
    """Train one split and judge its best weights, unless that was done; draw plots, and tell the trackers."""
    config, card = training.config, training.card
    with tracking(config, folder) as trackers:
        if not is_judged(folder):
            if rank() == 0:
                remove_old_results(folder)
                _save_samples(folder, split, config)
            hardware = fit(folder, config, card, split, [tracker.epochs for tracker in trackers])
            if rank() > 0:
                return
            say(f"report: {reports.write_preliminary(training.folder)} (preliminary, until the run is judged)")
            judge(folder, config, card, split, hardware.settings, collect_texts(config, training.collection))
        elif rank() > 0:
            return
        reports.draw_plots(folder)
        for tracker in trackers:
            tracker.finish(folder, card.class_names)
    if folder.is_fold:  # A run without folds is not finished yet: its test pages and its report are still to come.
        folder.update_manifest(status="finished")


def _save_samples(folder: RunFolder, split: Split, config: Config) -> None:
    """Save a picture of training pages as the model will see them, so that a person can check them."""
    pages = TrainingPages(split.train, split.samples, split.plan, config)
    images, captions = [], []
    for index in np.linspace(0, len(pages) - 1, min(NUM_SHOWN, len(pages))).astype(int):
        image, label, _, policy = pages[(0, int(index))]
        images.append(image)
        used = "clean" if policy < 0 else split.plan.policy_names[policy]
        copy = ", cutout copy" if split.samples[index].copy else ""
        captions.append(f"{label}: {used}{copy}")
    reports.save_sheet(folder.samples_picture, images, captions)


def fit(folder: RunFolder, config: Config, card: ModelCard, split: Split, loggers: list[Logger]) -> Hardware:
    """Train one split until a stop rule or the last epoch ends it; the folder then holds the best weights.

    A state in the folder is continued. The first random weights are a function of the seed, and everything later is a
    function of (seed, epoch, batch), so the end is the same with and without an interruption.
    """
    state = read_state(folder) if folder.state_file.exists() else None
    continuations = len(folder.read_continuations())
    described = folder.read_manifest().get("model") if state else None
    first_weights = WeightsRecord(**described["pretrained"]) if described else None
    module, record = build_module(_with_batches_of(config, state), card, split, first_weights)
    hardware, module.continuations = module.hardware, continuations
    _print_choices(module, record)
    if rank() == 0:
        write_json(folder.model_file, card.to_dict())
        device = {"device": hardware.device.type, "device_name": device_name(hardware.device)}
        folder.update_manifest(
            system={**folder.read_manifest()["system"], **device}, model=_describe_model(module.classifier, record)
        )
    recorder, stop_rules = Recorder(folder, config), build_stop_rules(config)
    is_over = state is not None and continuations_in(state) == continuations
    if is_over and state is not None and state["callbacks"][recorder.state_key]["stopped"]:
        recorder.load_state_dict(state["callbacks"][recorder.state_key])
        restore_stop_rules(stop_rules, state["callbacks"])
    else:
        choice = _choose_compile(folder, config, module)
        module.compiled = compiled_forward(module.classifier) if choice.compiled else None
        _train(folder, config, module, recorder, stop_rules, loggers)
    reason = end_reason(stop_rules, config.epochs)
    if len(recorder.rows) <= config.epochs - config.snapshot_epochs < config.epochs:
        say(f"snapshot_epochs: {reason} ended the run before the first of them; nothing was averaged")
    if rank() == 0:
        folder.update_manifest(
            effective=recorder.describe_effective(module),
            course=recorder.describe_course(reason).model_dump(),
        )
    return hardware


def _with_batches_of(config: Config, state: dict[str, Any] | None) -> Config:
    """Return the configuration with the batch sizes that ``auto`` found when the run began.

    They are not looked for again: with another batch size it would be another run.
    """
    if state is None:
        return config
    sizes = {name: size for name, size in state["within_epoch"]["batches"].items() if getattr(config, name) == "auto"}
    return config.model_copy(update=sizes)


def build_module(
    config: Config, card: ModelCard, split: Split, first_weights: WeightsRecord | None = None
) -> tuple[PageClassifier, WeightsRecord]:
    """Build the model with its first weights, ready to be trained on this machine, and return what these weights are.

    Where a state holds later weights, ``first_weights`` reports what they were: they are not looked for again.
    """
    keep_freed_memory()
    torch.manual_seed(config.random_seed)
    pretrained = config.pretrained if config.fine_tuning != "scratch" else False
    classifier, record = build_classifier(card, False if first_weights else pretrained)
    freeze(classifier, config.fine_tuning, config.trainable_patterns)
    hardware = choose_hardware(config, classifier, len(split.samples))
    torch.set_num_threads(hardware.num_threads)
    if config.channels_last and hardware.device.type in ("cpu", "cuda"):
        classifier = classifier.to(memory_format=torch.channels_last)
    return PageClassifier(classifier, split, config, hardware), first_weights or record


def _print_choices(module: PageClassifier, record: WeightsRecord) -> None:
    classifier, hardware = module.classifier, module.hardware
    weights = "random weights" if record.source == "none" else f"weights from {record.source} {record.location}"
    millions = sum(p.numel() for p in classifier.parameters()) / 1e6
    say(f"model: {classifier.card.model_name}, {millions:.1f} M parameters, {weights}")
    say(
        f"machine: {hardware.device.type}, {hardware.precision}, batch {hardware.batch_size}, "
        f"{hardware.num_workers} loader workers, {hardware.num_threads} threads"
    )


def _describe_model(classifier: Classifier, record: WeightsRecord) -> dict[str, Any]:
    parameters = list(classifier.parameters())
    return {
        "num_parameters": sum(p.numel() for p in parameters),
        "num_trainable": sum(p.numel() for p in parameters if p.requires_grad),
        "pretrained": asdict(record),
        "norm_mean": list(classifier.card.norm_mean),
        "norm_std": list(classifier.card.norm_std),
    }


def _choose_compile(folder: RunFolder, config: Config, module: PageClassifier) -> CompileChoice:
    """Decide whether the training step is compiled; a resumed run keeps to what it began with.

    Compiled steps round differently, so that another decision would end in other weights.
    """
    earlier = folder.read_manifest().get("compile")
    if earlier is not None:
        return CompileChoice(**earlier)
    if config.devices * config.num_nodes > 1:
        choice = CompileChoice(False, "not tried with several processes")
    else:
        steps = config.epochs * module.hardware.batches_per_epoch
        choice = choose_compile(config.compile, module.classifier, module.hardware, steps)
    say(f"torch.compile: {'on' if choice.compiled else 'off'} ({choice.reason})")
    if rank() == 0:
        folder.update_manifest(compile=asdict(choice))
    return choice


def _train(
    folder: RunFolder,
    config: Config,
    module: PageClassifier,
    recorder: Recorder,
    stop_rules: dict[EndReason, StopRule],
    loggers: list[Logger],
) -> None:
    with warnings.catch_warnings(), noting_signals() as signals:
        # Lightning's advice to its own users (more workers, logging intervals) does not apply to users of Munseo.
        warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")
        hush("pytorch_lightning", "lightning.pytorch", "lightning_fabric")
        saver = StateSaver(folder, config.save_every_minutes, signals)
        # The order matters: a rule looks at the epoch before it is written, and the state is saved after everything.
        trainer = _build_trainer(folder, config, module, [*stop_rules.values(), Progress(), recorder, saver], loggers)
        state_file = str(folder.state_file) if folder.state_file.exists() else None
        try:
            trainer.fit(module, ckpt_path=state_file, weights_only=True)
        except (StopRequested, RuntimeError, OSError, EOFError) as error:
            pids = killed_workers(error)
            if not pids and not isinstance(error, StopRequested):
                raise
            if signals.signum:
                # A signal to every process ends the loader workers too; that is no failure of theirs then.
                raise Interrupted(signals.signum, saver.describe_outcome()) from None
            raise describe_killed(pids, saver.describe_outcome(), folder, module.hardware.num_workers) from None


def _build_trainer(
    folder: RunFolder, config: Config, module: PageClassifier, callbacks: list[pl.Callback], loggers: list[Logger]
) -> pl.Trainer:
    hardware = module.hardware
    return pl.Trainer(
        max_epochs=config.epochs,
        accelerator=hardware.accelerator,
        devices=config.devices,
        num_nodes=config.num_nodes,
        strategy="ddp" if config.devices * config.num_nodes > 1 else "auto",
        plugins=[cluster_environment()],
        precision=hardware.precision,  # type: ignore[arg-type]
        accumulate_grad_batches=config.accumulate_batches,
        gradient_clip_val=config.gradient_clip_norm,
        callbacks=callbacks,
        logger=loggers or False,
        default_root_dir=folder.path,
        enable_checkpointing=False,  # Lightning's checkpoints are not written atomically, and know less.
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,  # EpochBatches gives each process its pages.
        num_sanity_val_steps=0,
        log_every_n_steps=max(1, hardware.batches_per_epoch // 10),
    )
