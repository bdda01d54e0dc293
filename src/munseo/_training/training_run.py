"""Fits one split in its run folder, from the start or from where its state was saved."""

from __future__ import annotations

import math
import warnings
from dataclasses import asdict, replace
from typing import Any

import pytorch_lightning as pl
import timm
import torch
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.loggers import Logger

from munseo._config import Config
from munseo._console import hush, say
from munseo._data import PageSet
from munseo._errors import Interrupted, UserError
from munseo._memory import keep_freed_memory
from munseo._model import Classifier, ModelCard, WeightsRecord, build_classifier, freeze, model_normalisation
from munseo._prediction import check_views, choose_device
from munseo._prediction.device import choose_precision
from munseo._run import RunFolder
from munseo._run.atomic import write_json
from munseo._training.callbacks import Progress, Recorder, describe_course
from munseo._training.checkpoint import StateSaver, read_state
from munseo._training.hardware import (
    CompileChoice,
    Machine,
    choose_compile,
    choose_machine,
    compiled_forward,
    device_name,
    largest_batch,
    rank,
)
from munseo._training.module import PageClassifier
from munseo._training.sampler import EpochBatches
from munseo._training.signals import StopRequested, describe_killed, killed_workers, noting_signals
from munseo._training.training_data import Parts


def make_card(config: Config, pages: PageSet) -> ModelCard:
    """The architecture, classes and preprocessing of a configuration."""
    check_views(config.tta_views)
    _check_sizes(config)
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


def _check_sizes(config: Config) -> None:
    cfg = timm.get_pretrained_cfg(config.model_name)
    if config.progressive_resizing and cfg is not None and cfg.fixed_input_size:
        raise UserError(
            f"progressive_resizing: {config.model_name} takes pages of one size alone; leave it out, or choose a "
            "convolutional model."
        )


def fit(run: RunFolder, config: Config, card: ModelCard, parts: Parts, trackers: list[Logger]) -> Machine:
    """Train until the epochs are done or patience runs out; the run folder then holds the best weights.

    A state in the folder is continued. The first random weights are a function of the seed, and everything later
    is one of (seed, epoch, batch), so the end is the same with and without an interruption.
    """
    state = read_state(run) if run.state_file.exists() else None
    module, record = build_module(_as_begun(config, state), card, parts, _first_weights(run, state))
    classifier, machine = module.classifier, module.machine
    recorder = Recorder(run, config.monitor)
    _say_choice(machine, card, record, classifier)
    if rank() == 0:
        write_json(run.model_file, card.to_dict())
        device = {"device": machine.device.type, "device_name": device_name(machine.device)}
        run.update_manifest(
            system={**run.read_manifest()["system"], **device}, model=_describe_model(classifier, record, card)
        )
    if state is None or not state["callbacks"][recorder.state_key]["stopped"]:
        choice = _choose_compile(run, config, module)
        module.compiled = compiled_forward(classifier) if choice.compiled else None
        _train(run, config, module, recorder, trackers)
    else:
        recorder.load_state_dict(state["callbacks"][recorder.state_key])
    if len(recorder.rows) <= config.epochs - config.snapshot_epochs < config.epochs:
        say("snapshot_epochs: patience ended the run before the first of them; nothing was averaged")
    if rank() == 0:
        run.update_manifest(
            effective=_describe_effective(machine, parts, config, recorder),
            course=describe_course(run, recorder, config.epochs, config.monitor),
        )
    return machine


def build_module(
    config: Config, card: ModelCard, parts: Parts, known: WeightsRecord | None = None
) -> tuple[PageClassifier, WeightsRecord]:
    """The model with its first weights, ready to be trained, on a machine that is set up for it.

    Args:
        config: The run's configuration.
        card: Architecture, classes, preprocessing.
        parts: Pages and samples.
        known: What the first weights were, where a state holds later ones: they are not looked for again.
    """
    keep_freed_memory()
    torch.manual_seed(config.random_seed)
    pretrained = config.pretrained if config.fine_tuning != "scratch" else False
    classifier, record = build_classifier(card, False if known else pretrained)
    freeze(classifier, config.fine_tuning, config.trainable_patterns)
    machine = _settle(config, classifier, parts)
    torch.set_num_threads(machine.num_threads)
    if config.channels_last and machine.device.type in ("cpu", "cuda"):
        classifier = classifier.to(memory_format=torch.channels_last)
    return PageClassifier(classifier, parts, config, machine), known or record


def _train(run: RunFolder, config: Config, module: PageClassifier, recorder: Recorder, trackers: list[Logger]) -> None:
    with warnings.catch_warnings(), noting_signals() as signals:
        # Lightning's advice to newcomers of its own API (more workers, logging intervals) is not for our users.
        warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")
        saver = StateSaver(run, config.save_every_minutes, signals)
        trainer = _trainer(run, config, module.machine, recorder, saver, trackers)
        try:
            trainer.fit(module, ckpt_path=str(run.state_file) if run.state_file.exists() else None, weights_only=True)
        except (StopRequested, RuntimeError, OSError, EOFError) as error:
            pids = killed_workers(error)
            if not pids and not isinstance(error, StopRequested):
                raise
            if signals.signum:
                # A signal to every process ends the loader workers, too; that is then no failure of theirs.
                raise Interrupted(signals.signum, _standing(saver)) from None
            raise describe_killed(pids, _standing(saver), run, module.machine.num_workers) from None


def _standing(saver: StateSaver) -> str:
    """Where training ended, and whether its state is on the disk."""
    last = "the last saved state stays" if saver.run.state_file.exists() else "no state was saved yet"
    return f"{saver.place}; {'the state is saved' if saver.saved else last}"


def _as_begun(config: Config, state: dict[str, Any] | None) -> Config:
    """The batch that ``auto`` found when the run began: another one would be another run."""
    if state is None:
        return config
    found = {name: size for name, size in state["within_epoch"]["batches"].items() if getattr(config, name) == "auto"}
    return config.model_copy(update=found)


def _first_weights(run: RunFolder, state: dict[str, Any] | None) -> WeightsRecord | None:
    """What the run's first weights were, once a state has later ones."""
    described = run.read_manifest().get("model")
    return WeightsRecord(**described["pretrained"]) if state is not None and described else None


def _choose_compile(run: RunFolder, config: Config, module: PageClassifier) -> CompileChoice:
    """As the run was begun, since compiled steps round otherwise; a new run tries it out."""
    before = run.read_manifest().get("compile")
    if before is not None:
        return CompileChoice(**before)
    if config.devices * config.num_nodes > 1:
        choice = CompileChoice(False, "not tried with several processes")
    else:
        steps = config.epochs * module.machine.batches_per_epoch
        choice = choose_compile(config.compile, module.classifier, module.machine, steps)
    say(f"torch.compile: {'on' if choice.compiled else 'off'} ({choice.reason})")
    if rank() == 0:
        run.update_manifest(compile=choice.to_dict())
    return choice


def _settle(config: Config, classifier: Classifier, parts: Parts) -> Machine:
    """Batch sizes as written or as found, then everything that depends on them."""
    device = choose_device(config.device)
    size, val_size = config.batch_size, config.val_batch_size
    if size == "auto" or val_size == "auto":
        dtype = {"32-true": None, "16-mixed": torch.float16}.get(
            choose_precision(config.mixed_precision, device), torch.bfloat16
        )
        largest = largest_batch(classifier, device, dtype, len(parts.samples))
        found = max(1, math.floor(largest * config.batch_size_multiplier))
        size = found if size == "auto" else size
        val_size = found if val_size == "auto" else val_size
    machine = choose_machine(config, size, val_size)
    world = config.devices * config.num_nodes
    batches = EpochBatches(len(parts.samples), size, config.random_seed, rank=0, world_size=world)
    return replace(machine, batches_per_epoch=len(batches))


def _trainer(
    run: RunFolder,
    config: Config,
    machine: Machine,
    recorder: Recorder,
    saver: StateSaver,
    trackers: list[Logger],
) -> pl.Trainer:
    hush("pytorch_lightning", "lightning.pytorch", "lightning_fabric")
    mode = "min" if config.monitor.endswith("loss") else "max"
    stopping = EarlyStopping(
        config.monitor, config.early_stopping_min_delta, config.patience, mode=mode, check_finite=False
    )
    several = config.devices * config.num_nodes > 1
    return pl.Trainer(
        max_epochs=config.epochs,
        accelerator={"cuda": "gpu"}.get(machine.device.type, machine.device.type),
        devices=config.devices,
        num_nodes=config.num_nodes,
        strategy="ddp" if several else "auto",
        precision=machine.precision,  # type: ignore[arg-type]
        accumulate_grad_batches=config.accumulate_batches,
        gradient_clip_val=config.gradient_clip_norm,
        callbacks=[stopping, Progress(), recorder, saver],
        logger=trackers or False,
        default_root_dir=run.path,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        log_every_n_steps=max(1, machine.batches_per_epoch // 10),
    )


def _describe_model(classifier: Classifier, record: WeightsRecord, card: ModelCard) -> dict[str, Any]:
    parameters = list(classifier.parameters())
    return {
        "num_parameters": sum(p.numel() for p in parameters),
        "num_trainable": sum(p.numel() for p in parameters if p.requires_grad),
        "pretrained": asdict(record),
        "norm_mean": list(card.norm_mean),
        "norm_std": list(card.norm_std),
    }


def _describe_effective(machine: Machine, parts: Parts, config: Config, recorder: Recorder) -> dict[str, Any]:
    return {
        "precision": machine.precision,
        "batch_size": machine.batch_size,
        "val_batch_size": machine.val_batch_size,
        "num_workers": machine.num_workers,
        "num_threads": machine.num_threads,
        "channels_last": config.channels_last,
        "steps_per_epoch": machine.batches_per_epoch,
        "num_samples": len(parts.samples),
        "policies": list(parts.plan.policy_names),
        "mixes": list(parts.plan.mix_names),
        "snapshots": max(0, recorder.best_epoch + 1 - (config.epochs - config.snapshot_epochs)),
        "lr_configured": config.lr,
        "lr_first": recorder.lr_first,
        "lr_max": recorder.lr_max,
        "lr_last": recorder.rows[-1]["lr"],
    }


def _say_choice(machine: Machine, card: ModelCard, record: WeightsRecord, classifier: Classifier) -> None:
    source = {"none": "random weights"}.get(record.source, f"weights from {record.source} {record.location}")
    millions = sum(p.numel() for p in classifier.parameters()) / 1e6
    say(f"model: {card.model_name}, {millions:.1f} M parameters, {source}")
    say(
        f"machine: {machine.device.type}, {machine.precision}, batch {machine.batch_size}, "
        f"{machine.num_workers} loader workers, {machine.num_threads} threads"
    )
