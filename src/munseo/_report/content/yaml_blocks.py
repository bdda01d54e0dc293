"""The configuration as YAML blocks that can be pasted back, in the reference report's order and grouping.

The reference's keys always stand there; other keys when they differ from their default.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import yaml

from munseo._config import Config
from munseo._locale import Texts
from munseo._report.facts import Facts

ARCHITECTURE = ("model_name", "pretrained", "fine_tuning", "image_size")
ARCHITECTURE_MORE = ("trainable_patterns", "drop_rate", "drop_path_rate", "activation", "head_hidden")
HYPERPARAMETERS = (
    (
        "optimizer",
        ("optimizer_name", "lr", "weight_decay"),
        ("optimizer_params", "layer_decay", "gradient_clip_norm", "ema_decay"),
    ),
    ("scheduler", ("scheduler_name",), ("scheduler_params", "warmup_epochs")),
    ("batches", ("batch_size", "val_batch_size", "batch_size_multiplier"), ("accumulate_batches",)),
    ("length", ("epochs", "patience", "early_stopping_min_delta"), ("monitor", "snapshot_epochs")),
    ("loss", (), ("loss", "label_smoothing", "focal_gamma", "class_weighting", "logit_adjustment")),
    ("techniques", (), ("mixed_precision", "TTA", "tta_views", "tta_space", "second_look", "weighted_sampler")),
    ("shift", (), ("shift", "shifted_draws", "robustness_pages")),
)
SPLIT = ("val_split_ratio", "stratify")
SPLIT_MORE = ("val_table", "n_folds", "fold", "random_seed")
NORMALISATION, NORMALISATION_MORE = ("norm_mean", "norm_std"), ("orientation",)
AUGMENTATION = ("augmentation_level", "online_augmentation")
AUGMENTATION_MORE = (
    "augmentation_probability", "augmentation_params", "mix_probability", "dynamic_augmentation", "class_policies",
    "progressive_resizing",
)  # fmt: skip
SWITCHES = ("eda", "dilation", "erosion", "document", "matched", "mixup", "cutmix")
OFF = (
    "TTA", "mixed_precision", "class_imbalance", "weighted_sampler", "class_weighting", "label_smoothing", "ema_decay",
    "gradient_clip_norm", "warmup_epochs", "layer_decay", "logit_adjustment", "snapshot_epochs", "second_look",
)  # fmt: skip

ELSEWHERE = frozenset({
    "augmentation", "cache", "class_imbalance", "channels_last", "compile", "data_dir", "device", "devices",
    "id_column", "image_dir", "language", "mlflow", "num_nodes", "num_threads", "num_workers", "on_bad_image",
    "runs_dir", "target_column", "tensorboard", "test_dir", "train_table", "wandb",
})  # fmt: skip
"""Keys that other blocks show, or that texts where the data are, on which machine it ran and who tracked it."""
SHOWN = frozenset({
    *ARCHITECTURE, *ARCHITECTURE_MORE, *NORMALISATION, *NORMALISATION_MORE, *SPLIT, *SPLIT_MORE, *AUGMENTATION,
    *AUGMENTATION_MORE, *OFF, *(key for _, always, more in HYPERPARAMETERS for key in (*always, *more)),
})  # fmt: skip


def architecture(config: Config, texts: Texts) -> str:
    """Backbone, weights, what is trained, image size."""
    lines = _lines(config, ARCHITECTURE, {"fine_tuning": texts(f"yaml.{config.fine_tuning}")})
    return "\n".join([*lines, *_changed(config, ARCHITECTURE_MORE)])


def hyperparameters(config: Config, texts: Texts) -> str:
    """Optimiser, schedule, batches, length."""
    groups = []
    for title, always, more in HYPERPARAMETERS:
        if lines := [*_lines(config, always), *_changed(config, more)]:
            groups.append("\n".join([f"# {texts(f'yaml.{title}')}", *lines]))
    if others := _changed(config, [key for key in type(config).model_fields if key not in SHOWN | ELSEWHERE]):
        groups.append("\n".join([f"# {texts('yaml.other')}", *others]))
    return "\n\n".join(groups)


def preprocessing(config: Config, texts: Texts) -> str:
    """Normalisation and split."""
    normalisation = [f"# {texts('yaml.normalisation')}", *_lines(config, NORMALISATION)]
    normalisation += _changed(config, NORMALISATION_MORE)
    split = [f"# {texts('yaml.split')}", *_lines(config, SPLIT), *_changed(config, SPLIT_MORE)]
    return "\n".join([*normalisation, "", *split])


def augmentation(facts: Facts, texts: Texts) -> str:
    """Level and switches: as they came out, or as configured where they change in the course of the run."""
    config = facts.config
    if config.dynamic_augmentation or facts.get("effective", "policies") is None:
        switches = {key: value for key, value in config.augmentation.model_dump().items() if value is not None}
    else:
        switches = {key: key in facts.policies for key in SWITCHES}
    lines = [*_lines(config, AUGMENTATION), *_changed(config, AUGMENTATION_MORE)]
    if switches:
        comments = {key: texts("yaml.active" if on else "yaml.inactive") for key, on in switches.items()}
        lines += ["augmentation:", *_indent(_aligned(switches.items(), comments))]
    return "\n".join(lines)


def class_imbalance(config: Config) -> str:
    """Which classes are filled up, and to what number."""
    assert config.class_imbalance is not None
    return "\n".join(["class_imbalance:", *_indent(_aligned(config.class_imbalance.model_dump().items(), {}))])


def switched_off(config: Config, texts: Texts) -> str:
    """Every optional technique that this run did without, as it stands in the configuration."""
    off = [(key, value) for key in OFF if not (value := getattr(config, key))]
    return "\n".join(_aligned(off, {key: texts(f"off.{key}") for key, _ in off}))


def scalar(value: Any) -> str:
    """A value as YAML on one line, numbers without exponent."""
    if value is None:
        return "null"
    if isinstance(value, float):
        return np.format_float_positional(value, trim="0")
    text = yaml.safe_dump(
        _without_nulls(value), default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False
    )
    return text.strip().removesuffix("\n...").strip()


def _without_nulls(value: Any) -> Any:
    """Within lists and mappings a key that is null says nothing."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _lines(config: Config, keys: Iterable[str], comments: dict[str, str] | None = None) -> list[str]:
    values = config.model_dump(mode="json")
    return _aligned([(key, values[key]) for key in keys], comments or {})


def _changed(config: Config, keys: Iterable[str]) -> list[str]:
    """Keys whose value is not the default."""
    values, defaults = config.model_dump(mode="json"), Config().model_dump(mode="json")
    return _aligned([(key, values[key]) for key in keys if values[key] != defaults[key]], {})


def _aligned(items: Iterable[tuple[str, Any]], comments: dict[str, str]) -> list[str]:
    """``key: value``, with the comments under one another."""
    pairs: list[tuple[str, str | None]] = []
    for key, value in items:
        if isinstance(value, dict) and any(isinstance(inner, dict) for inner in value.values()):
            pairs += [(f"{key}:", None), *((f"  {name}: {scalar(inner)}", None) for name, inner in value.items())]
        else:
            pairs.append((f"{key}: {scalar(value)}", comments.get(key)))
    width = max((len(text) for text, comment in pairs if comment), default=0)
    return [f"{text:<{width}}  # {comment}" if comment else text for text, comment in pairs]


def _indent(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]
