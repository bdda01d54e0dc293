"""The typed configuration of a run: every key, its type, its range, its default, composed of one model per subject.

To add a key, declare it in the file of its subject, with a description and a ``Key``: it can then be set, checked and
overridden, is in ``config.yaml`` and the JSON schema, and is shown in reports.
"""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from munseo._config.augmentation_settings import AugmentationSettings
from munseo._config.data_settings import DataSettings, RunSettings
from munseo._config.key import keys_of
from munseo._config.model_settings import ModelSettings
from munseo._config.prediction_settings import PredictionSettings, ShiftSettings
from munseo._config.text_settings import TextSettings
from munseo._config.tracker_settings import TrackerSettings
from munseo._config.training_settings import BalanceSettings, HardwareSettings, LossSettings, OptimizerSettings

REFERENCE_ORDER = (
    *("model_name", "pretrained", "fine_tuning", "image_size", "optimizer_name", "lr", "weight_decay"),
    *("scheduler_name", "batch_size", "val_batch_size", "batch_size_multiplier"),
    *("epochs", "patience", "early_stopping_min_delta", "norm_mean", "norm_std"),
    *("val_split_ratio", "stratify", "group_column", "split_by_likeness"),
    *("augmentation_level", "online_augmentation", "augmentation", "class_imbalance", "TTA", "mixed_precision"),
)
"""The first keys of a configuration file: those of the reference report in its own order and spelling, so that its YAML
blocks are a valid configuration. All other keys follow, model by model, in the order of their declaration."""


# Pydantic takes the keys of the last base class first.
class Config(
    TrackerSettings,
    HardwareSettings,
    TextSettings,
    PredictionSettings,
    ShiftSettings,
    OptimizerSettings,
    LossSettings,
    ModelSettings,
    BalanceSettings,
    AugmentationSettings,
    RunSettings,
    DataSettings,
):
    """The configuration of one run; all keys are on one level.

    Example:
        >>> config = Config(model_name="resnet50", epochs=20)
        >>> config.lr, config.monitor_mode
        (0.0001, 'min')
    """

    @classmethod
    def ordered_keys(cls) -> list[str]:
        """Return all keys in the order of a configuration file."""
        return [*REFERENCE_ORDER, *(key for key in cls.model_fields if key not in REFERENCE_ORDER)]

    @property
    def balancing_keys(self) -> list[str]:
        """The keys that make unequal classes count alike and are on."""
        return [name for name, key in keys_of(Config).items() if key.balances and getattr(self, name)]

    @property
    def damages_are_judged_quickly(self) -> bool:
        """Whether a kind of damage is left as soon as its effect is certain enough; folds are judged in full."""
        return self.judging == "quick" and self.n_folds == 0

    @property
    def views_are_judged_quickly(self) -> bool:
        """The same for views; a second look needs all of them on all pages."""
        return self.damages_are_judged_quickly and not self.second_look

    def to_dict(self) -> dict[str, Any]:
        """Return all keys with their values, as YAML and JSON can have them, in the order of a configuration file."""
        values = self.model_dump(mode="json")
        return {key: values[key] for key in self.ordered_keys()}

    @model_validator(mode="after")
    def _agree(self) -> Config:
        """Check keys that are valid by themselves and wrong together."""
        problems = [*self.problems_of_split(), *self.problems_of_model(), *self._problems_across()]
        problems += self.problems_of_optimizer() + self.problems_of_resizing(self.image_size)
        problems += self.problems_of_policies(self.shift != "none")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _problems_across(self) -> list[str]:
        problems = []
        if self.dynamic_augmentation and not self.online_augmentation:
            problems.append("dynamic_augmentation: needs online_augmentation: true; offline copies never change")
        if self.shift == "none" and self.monitor.startswith("val_shifted"):
            problems.append(f"monitor: {self.monitor} needs a second validation; set shift to something else than none")
        if len(self.balancing_keys) > 1:
            problems.append(f"{', '.join(self.balancing_keys)}: each balances the classes; choose one")
        if self.text != "none" and self.second_look:
            problems.append("text, second_look: are not measured together; set second_look: false or text: none")
        if self.text != "none" and self.n_folds:
            problems.append("text: cannot be fused with the mean of folds; set n_folds: 0 or text: none")
        if self.text_column is not None and self.text not in ("auto", "column"):
            problems.append(f"text_column: is not read with text: {self.text}; set text: column or auto")
        return problems
