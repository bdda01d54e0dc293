"""A dry pass: one blank page goes through a model without weights, so that a size it cannot take is known at once.

Everything is on torch's ``meta`` device, where tensors have a shape and no content: a network is built without its
weights, and each layer checks shapes only. That takes a fraction of a second, for the largest models too. Sizes that
work are looked for in the same way.

Shapes do not tell whether an index is within its table. So a model that looks something up, such as the bias of a
relative position, has two pages on the processor as well, unless they have the size that it was made for.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from munseo._config.model_settings import ModelSettings
from munseo._errors import UserError
from munseo._model.builder import build_classifier, freeze, hold_frozen_statistics
from munseo._model.classifier import Classifier, ModelCard

SMALLEST_PX, LARGEST_PX = 16, 2048
"""The sizes that a configuration may have."""
STEPS_PX = (8, 14)
"""Sizes that are tried instead of one that fails are multiples of one of these, as patches and windows are."""
LARGE_PATCH_PX = 8
"""From this size on, patches that leave a strip of the page unseen are refused; a convolution leaves less."""
SEARCH_S = 8.0
"""Seconds after which the search for sizes ends with what it has found."""


class DryPass:
    """The model of a configuration on the ``meta`` device, in training; the number of classes does not matter there."""

    def __init__(self, settings: ModelSettings) -> None:
        import timm

        self.settings = settings
        cfg = timm.get_pretrained_cfg(settings.model_name)
        self.has_one_size = cfg is not None and bool(cfg.fixed_input_size)
        self.own_size = cfg.input_size[-1] if cfg is not None else None
        self._built: tuple[int, Classifier] | None = None

    def check(self, sizes: Mapping[str, int], batch_size: int) -> None:
        """Let a batch of blank pages of each size through the model.

        Args:
            sizes: Configuration key to the size in px that it gives to training pages.
            batch_size: Pages of a batch.

        Raises:
            UserError: The model is unknown, or it cannot take an option, a size or a batch of one page.
        """
        for key, size in sizes.items():
            failure = self.failure(size, batch_size)
            # A few layers cannot be computed without content, which says nothing about the size.
            if failure is None or self._failure_on("cpu", size, min(batch_size, 2)) is None:
                continue
            model = self.settings.model_name
            if batch_size == 1 and self.failure(size, 2) is None:
                raise UserError(
                    f"batch_size: {model} cannot be trained on 1 page of {size} px at once ({failure}); set it to 2 or "
                    "more."
                )
            found = [str(other) for other in self.sizes_near(size)]
            advice = f"it takes {' and '.join(found)}" if found else "no size near it works; choose another model_name"
            raise UserError(f"{key}: {model} cannot take pages of {size} px ({failure}); {advice}.")

    def failure(self, size: int, batch_size: int = 2) -> str | None:
        """Return why a batch of pages of this size (px) cannot be trained on; None if it can.

        Raises:
            UserError: The reason is not the size.
        """
        with _LookUps() as look_ups:
            failure = self._failure_on("meta", size, batch_size)
        if failure is None and look_ups.seen and size != self.own_size:
            return self._failure_on("cpu", size, min(batch_size, 2))
        return failure

    def sizes_near(self, size: int) -> list[int]:
        """Return the nearest smaller and the nearest larger size that work, of the multiples of ``STEPS_PX``.

        Where the search takes too long, some are missing; at least the size that the model was made for is there.
        """
        started = time.monotonic()
        found: dict[bool, int] = {}
        for other in _by_distance(size, {self.own_size} if self.own_size else set()):
            if time.monotonic() - started > SEARCH_S or len(found) == 2:
                break
            if (other > size) not in found and self.failure(other) is None:
                found[other > size] = other
        if not found and self.own_size not in (None, size) and self.failure(self.own_size) is None:
            return [self.own_size]  # The time was over.
        return sorted(found.values())

    def _failure_on(self, device: str, size: int, batch_size: int) -> str | None:
        try:
            # The weights of a trial on the processor are random; those of the run should not depend on that.
            with torch.random.fork_rng(devices=[]), torch.device(device), torch.no_grad():
                classifier = self._classifier(size, device)
                if unseen := _unseen_px(classifier.network, size):
                    return f"its patches leave the last {unseen} px unseen"
                logits = classifier(torch.zeros(batch_size, 3, size, size))
        except UserError as error:
            if isinstance(error.__cause__, AssertionError):  # timm cannot build the model for this size.
                return _first_words(error.__cause__)
            raise
        except Exception as error:  # Each architecture has its own way to fail.
            return _first_words(error)
        if not isinstance(logits, torch.Tensor) or tuple(logits.shape) != (batch_size, classifier.card.num_classes):
            raise UserError(
                f"model_name: {self.settings.model_name} is not a classifier: it does not give one number for each "
                "class; choose another one."
            )
        return None

    def _classifier(self, size: int, device: str) -> Classifier:
        if self._built is not None and device == "meta" and (self._built[0] == size or not self.has_one_size):
            return self._built[1]
        settings = self.settings
        names = ("first", "second")
        options = {
            name: getattr(settings, name) for name in ("head_hidden", "activation", "drop_rate", "drop_path_rate")
        }
        card = ModelCard(settings.model_name, names, names, size, (0.5,) * 3, (0.5,) * 3, **options)
        classifier = build_classifier(card)[0].train()
        freeze(classifier, settings.fine_tuning, settings.trainable_patterns)
        hold_frozen_statistics(classifier.network)
        if device == "meta":
            self._built = size, classifier
        return classifier


class _LookUps(TorchFunctionMode):
    """Notes whether values are looked up by a tensor of indices; ``seen`` says so."""

    FUNCTIONS = (torch.Tensor.__getitem__, torch.Tensor.gather, torch.Tensor.index_select, functional.embedding)

    def __init__(self) -> None:
        super().__init__()
        self.seen = False

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in self.FUNCTIONS:
            indices = args[1] if isinstance(args[1], tuple) else (args[1],)
            self.seen |= any(isinstance(index, torch.Tensor) for index in indices)
        return function(*args, **(kwargs or {}))


def check_model(settings: ModelSettings, sizes: Mapping[str, int], batch_size: int) -> None:
    """Check that a model exists, has the options of a configuration, and can take these sizes and this batch.

    Args:
        settings: The configuration's keys of the model.
        sizes: Configuration key to the size in px that it gives to training pages.
        batch_size: Pages of a batch.

    Raises:
        UserError: It cannot; sizes that it can take are named.
    """
    dry = DryPass(settings)
    if dry.has_one_size and len(set(sizes.values())) > 1:
        raise UserError(
            f"progressive_resizing: {settings.model_name} takes pages of one size only; leave it out, or choose a "
            "convolutional model."
        )
    dry.check(sizes, batch_size)


def _first_words(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:160].rstrip(".") or type(error).__name__


def _by_distance(size: int, others: Iterable[int]) -> Iterator[int]:
    candidates = {other for step in STEPS_PX for other in range(0, LARGEST_PX + 1, step)} | set(others)
    usable = (other for other in candidates if SMALLEST_PX <= other <= LARGEST_PX and other != size)
    return iter(sorted(usable, key=lambda other: (abs(other - size), other)))


def _unseen_px(network: nn.Module, size: int) -> int:
    """Return how many pixels at the right and at the bottom no patch covers.

    timm builds a transformer for sizes that its patches do not divide, and its patch embedding leaves out the rest.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.in_channels == 3 and layer.kernel_size == layer.stride:
            patch = layer.kernel_size[0]
            padded = any(getattr(parent, "dynamic_img_pad", False) for parent in network.modules())
            return size % patch if patch >= LARGE_PATCH_PX and not padded else 0
    return 0
