"""The configuration as YAML blocks that can be pasted back, in the reference report's order and grouping.

Which keys a block shows, and in which order, is written at each key: see ``munseo/_config/key.py``. Some keys are shown
always, the others when they differ from their default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import yaml

from munseo._config import Augmentation, Config
from munseo._config.key import KeyGroup, keys_of
from munseo._locale import Texts
from munseo._report.facts import Facts

HYPERPARAMETERS = (
    *(KeyGroup.OPTIMIZER, KeyGroup.SCHEDULER, KeyGroup.BATCHES, KeyGroup.LENGTH),
    *(KeyGroup.LOSS, KeyGroup.TECHNIQUES, KeyGroup.SHIFT, KeyGroup.TEXT, KeyGroup.OTHER),
)
"""The groups of the block of hyperparameters; each has a title."""

_KEYS = keys_of(Config)
KEYS = {key: _KEYS[key] for key in Config.ordered_keys()}
"""The facts about each key of a configuration."""

SWITCHES = keys_of(Augmentation)
"""The facts about each switch of ``augmentation``."""


def architecture(config: Config, texts: Texts) -> str:
    """Return the backbone, its weights, what is trained, and the image size."""
    return "\n".join(_lines(config, KeyGroup.ARCHITECTURE, {"fine_tuning": texts(f"yaml.{config.fine_tuning}")}))


def hyperparameters(config: Config, texts: Texts) -> str:
    """Return optimiser, schedule, batches, length and the rest of training, group by group."""
    return "\n\n".join(_titled(config, group, texts) for group in HYPERPARAMETERS if _shown(config, group))


def preprocessing(config: Config, texts: Texts) -> str:
    """Return normalisation and split."""
    return "\n\n".join(_titled(config, group, texts) for group in (KeyGroup.NORMALISATION, KeyGroup.SPLIT))


def augmentation(facts: Facts, texts: Texts) -> str:
    """Return level and switches: as they came out, or as configured if they change in the course of the run."""
    config = facts.config
    if config.dynamic_augmentation or facts.get("effective", "policies") is None:
        switches = {key: value for key, value in config.augmentation.model_dump().items() if value is not None}
    else:
        switches = {key: key in facts.policies for key in Augmentation.model_fields}
    lines = _lines(config, KeyGroup.AUGMENTATION)
    if switches:
        comments = {key: texts("yaml.active" if on else "yaml.inactive") for key, on in switches.items()}
        lines += ["augmentation:", *_indent(_aligned(switches.items(), comments))]
    return "\n".join(lines)


def class_imbalance(config: Config) -> str:
    """Return which classes are filled up, and to how many pages."""
    assert config.class_imbalance is not None
    return "\n".join(["class_imbalance:", *_indent(_aligned(config.class_imbalance.model_dump().items(), {}))])


def switched_off(config: Config, texts: Texts) -> str:
    """Return every optional technique that the run did without, with what it does."""
    optional = [(known.off_order, key, known.off) for key, known in KEYS.items() if known.off is not None]
    off = [(key, text) for _, key, text in sorted(optional) if not getattr(config, key)]
    comments = {key: text.of(texts.language) for key, text in off}
    return "\n".join(_aligned([(key, getattr(config, key)) for key, _ in off], comments))


def scalar(value: Any) -> str:
    """Write a value as YAML on one line, numbers without exponent."""
    if value is None:
        return "null"
    if isinstance(value, float):
        return np.format_float_positional(value, trim="0")
    text = yaml.safe_dump(
        _without_nulls(value), default_flow_style=True, allow_unicode=True, width=10**6, sort_keys=False
    )
    return text.strip().removesuffix("\n...").strip()


def _without_nulls(value: Any) -> Any:
    """Leave out keys that are null within lists and mappings, where they add nothing."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _titled(config: Config, group: KeyGroup, texts: Texts) -> str:
    return "\n".join([f"# {texts(f'yaml.{group}')}", *_lines(config, group)])


def _lines(config: Config, group: KeyGroup, comments: Mapping[str, str] | None = None) -> list[str]:
    values = config.to_dict()
    return _aligned([(key, values[key]) for key in _shown(config, group)], comments or {})


def _shown(config: Config, group: KeyGroup) -> list[str]:
    """Return the keys of a group that are shown: first those that always are, then those that were changed."""
    values, defaults = config.to_dict(), Config().to_dict()
    keys = [key for key, known in KEYS.items() if known.group == group]
    keys.sort(key=lambda key: (not KEYS[key].always, KEYS[key].order))
    return [key for key in keys if KEYS[key].always or values[key] != defaults[key]]


def _aligned(items: Iterable[tuple[str, Any]], comments: Mapping[str, str]) -> list[str]:
    """Write ``key: value`` lines, with their comments in one column."""
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
