"""Suggested experiments: changes of the configuration, each with the finding or the metric that suggests it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from munseo._config.augmentation_settings import Level
from munseo._report.facts import Facts
from munseo._report.findings import Finding

SIZES_PX = (128, 160, 192, 224, 256, 320, 384, 448, 512)
"""Image sizes to suggest."""

FAMILIES = (
    ("tf_efficientnet_lite0.in1k", "tf_efficientnet_lite1.in1k", "tf_efficientnet_lite2.in1k"),
    (
        *("efficientnet_b0.ra_in1k", "efficientnet_b1.ft_in1k", "efficientnet_b2.ra_in1k", "efficientnet_b3.ra2_in1k"),
        *("efficientnet_b4.ra2_in1k", "efficientnet_b5.sw_in12k_ft_in1k", "tf_efficientnet_b7.ns_jft_in1k"),
    ),
    ("convnext_nano.in12k_ft_in1k", "convnext_tiny.in12k_ft_in1k", "convnext_small.in12k_ft_in1k"),
)
"""Models of one architecture by size, with their names in timm."""

CONVNEXT = "convnext_tiny.in12k_ft_in1k"
"""The ConvNeXt to suggest for an ensemble."""
VIT = "vit_base_patch16_224.augreg2_in21k_ft_in1k"
"""The vision transformer to suggest for an ensemble."""
FIXED_SIZE = ("vit_", "deit", "beit", "swin", "eva")
"""Beginnings of the names of models that are made for one image size."""


@dataclass(frozen=True)
class Experiment:
    """A run to try: the keys to change, as ``key=value``, and the reason: the text ``try.`` and ``reason`` says it."""

    overrides: tuple[str, ...]
    reason: str
    numbers: dict[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """The overrides as they are typed in a shell."""
        return shlex.join(self.overrides)


def experiments(facts: Facts, findings: Sequence[Finding]) -> tuple[Experiment, ...]:
    """Return single changes: first those that findings ask for, then schedule, resolution, normalisation, backbone."""
    found = {finding.rule: finding.numbers for finding in findings}
    return (*_from_findings(facts, found), *_schedules(facts, found), *_images(facts), *_backbones(facts))


def ensemble_members(facts: Facts) -> tuple[Experiment, ...]:
    """Return runs that are likely to err on other pages: another architecture, resolution or augmentation."""
    model, size = facts.config.model_name, facts.config.image_size
    members = []
    if not model.startswith("convnext"):
        members.append(Experiment(_backbone(facts, CONVNEXT), "member_convnext"))
    if not model.startswith(FIXED_SIZE):
        members.append(Experiment((*_backbone(facts, VIT), "image_size=224"), "member_vit"))
        sizes = [size_px for size_px in (224, 384) if size_px != size]
        members += [Experiment((f"image_size={size_px}",), "member_resolution") for size_px in sizes]
    if level := _stronger(facts):
        members.append(Experiment(level, "member_augmentation"))
    return tuple(members)


def _from_findings(facts: Facts, found: dict[str, dict[str, Any]]) -> Iterator[Experiment]:
    config = facts.config
    if "rate_disagrees" in found:
        used = found["rate_disagrees"]["used"]
        yield Experiment((f"lr={used:.4g}",), "rate_disagrees", {"used": used})
    if "first_epoch_best" in found:
        yield Experiment((f"lr={found['first_epoch_best']['rate'] / 3:.2g}",), "rate_lower")
    if "still_improving" in found:
        yield Experiment((f"epochs={2 * config.epochs}",), "more_epochs", found["still_improving"])
    if ("server_below" in found or "gap_large" in found) and (level := _stronger(facts)):
        gap = {"gap": found["gap_large"]["gap"]} if "server_below" not in found else {}
        yield Experiment(level, "shift" if "server_below" in found else "stronger_augmentation", gap)
    if "overconfident" in found and config.label_smoothing == 0:
        yield Experiment(("label_smoothing=0.1",), "smoothing")
    if "shift_large" in found and "document" not in facts.policies:
        yield Experiment(("augmentation.document=true",), "document_policy", {"drop": found["shift_large"]["drop"]})
    if "shift_epoch" in found and config.monitor != "val_shifted_macro_f1":
        numbers = {"best_f1": found["shift_epoch"]["at_best"], "f1": found["shift_epoch"]["at_chosen"]}
        yield Experiment(("monitor=val_shifted_macro_f1",), "shifted_monitor", numbers)
    elif missed := _missed_f1(facts):
        yield Experiment(("monitor=val_macro_f1",), "monitor", missed)
    if "imbalance" in found:
        yield Experiment(("weighted_sampler=true",), "sampler", {"ratio": found["imbalance"]["ratio"]})
    few = "few_val_pages" in found or found.get("interval_width", {}).get("half", 0) > 0.02
    if few and "interval_width" in found and config.n_folds == 0 and config.val_table is None:
        numbers = {key: found["interval_width"][key] for key in ("pages", "half")}
        yield Experiment(("n_folds=5",), "folds", numbers)


def _schedules(facts: Facts, found: dict[str, dict[str, Any]]) -> Iterator[Experiment]:
    config = facts.config
    epochs = max(5, 5 * math.ceil((facts.course.epochs_done or config.epochs) / 5))
    if "long_horizon" in found:
        yield Experiment((f"epochs={epochs}",), "shorter_schedule", found["long_horizon"])
    if config.scheduler_name != "OneCycleLR":
        words = ["scheduler_name=OneCycleLR", f"epochs={epochs}"]
        words += ["scheduler_params={}"] if config.scheduler_params else []
        words += ["warmup_epochs=0"] if config.warmup_epochs else []
        yield Experiment(tuple(words), "one_cycle", {"epochs": epochs})
    if config.scheduler_name != "CosineAnnealingWarmRestarts" and epochs >= 10:
        period = max(2, epochs // 3)
        restarts = ("scheduler_name=CosineAnnealingWarmRestarts", f"scheduler_params={{T_0: {period}}}")
        yield Experiment((*restarts, f"epochs={epochs}"), "warm_restarts", {"period": period})


def _images(facts: Facts) -> Iterator[Experiment]:
    config, now = facts.config, facts.epoch_seconds
    larger = [size for size in SIZES_PX if size > config.image_size]
    if larger and not config.model_name.startswith(FIXED_SIZE):
        factor = (larger[0] / config.image_size) ** 2
        numbers = {"factor": factor, "seconds_now": now, "seconds_then": now * factor} if now else {"factor": factor}
        yield Experiment((f"image_size={larger[0]}",), "larger_images" if now else "larger_images_untimed", numbers)
    if config.norm_mean != "model":
        yield Experiment(("norm_mean=model", "norm_std=model"), "model_normalisation", {"mean": config.norm_mean})


def _backbones(facts: Facts) -> Iterator[Experiment]:
    stem = facts.config.model_name.partition(".")[0]
    for family in FAMILIES:
        stems = [name.partition(".")[0] for name in family]
        if stem in stems:
            index = stems.index(stem)
            if index > 0:
                yield Experiment(_backbone(facts, family[index - 1]), "backbone_smaller")
            for name in family[index + 1 : index + 3]:
                yield Experiment(_backbone(facts, name), "backbone_larger")
            return
    yield Experiment(_backbone(facts, FAMILIES[1][4]), "backbone_other")


def _backbone(facts: Facts, name: str) -> tuple[str, ...]:
    """Return the overrides that change the model, and reset what was chosen only for the old one."""
    words = [f"model_name={name}"]
    if isinstance(facts.config.pretrained, str):
        words.append("pretrained=true")
    if facts.config.fine_tuning == "custom":
        words += ["fine_tuning=full", "trainable_patterns=[]"]
    return tuple(words)


def _stronger(facts: Facts) -> tuple[str, ...] | None:
    """Return the overrides for the next level of augmentation; single switches would override it, so they are reset."""
    levels = get_args(Level)
    index = levels.index(facts.config.augmentation_level) + 1
    if index >= len(levels):
        return None
    words = [f"augmentation_level={levels[index]}"]
    if any(value is not None for value in facts.config.augmentation.model_dump().values()):
        words.append("augmentation={}")
    if facts.config.dynamic_augmentation:
        words.append("dynamic_augmentation=[]")
    return tuple(words)


def _missed_f1(facts: Facts) -> dict[str, float] | None:
    """Return macro-F1 at its best and at the chosen epoch, if choosing by loss cost half a point."""
    best = facts.course.best_epoch
    if facts.config.monitor != "val_loss" or len(facts.curves) != 1 or best is None:
        return None
    f1 = facts.curves[0].set_index("epoch")["val_macro_f1"]
    if best not in f1.index or not f1.max() >= f1[best] + 0.005:
        return None
    return {"best_f1": float(f1.max()), "f1": float(f1[best])}
