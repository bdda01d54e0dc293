"""The builder of classifiers: any timm backbone, its head, its initial weights, and which parameters are trained.

timm is imported where it is used: it takes two seconds, which a run that an engine predicts does not need.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from torch import nn

from munseo._errors import UserError
from munseo._model.classifier import Classifier, ModelCard
from munseo._model.pretrained import StateDict, WeightsRecord, find_local, fit_by_order, offline_error, read_state

FLOAT_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""Types of numbers that weights may have in a file."""
MIN_COVERED = 0.9
"""Pretrained weights that have a smaller fraction of the backbone's tensors belong to another model."""


def build_classifier(card: ModelCard, pretrained: bool | str = False) -> tuple[Classifier, WeightsRecord]:
    """Build a classifier, with pretrained weights if they are requested.

        >>> classifier, record = build_classifier(card, pretrained="weights/model.safetensors")
        >>> probabilities = classifier(classifier.prepare(pages)).softmax(dim=1)

    Args:
        card: The architecture.
        pretrained: False: random weights. True: weights of a package or the hub. A path: weights of a file or folder.

    Returns:
        The classifier, and where its initial weights came from.

    Raises:
        UserError: The model is unknown, it lacks an option, or no weights were found.
    """
    _check_name(card.model_name)
    options = _options(card)
    if not pretrained:
        network, record = _create(card.model_name, options), WeightsRecord("none")
    elif (local := find_local(card.model_name, pretrained)) is not None:
        network, record = _create_with_state(card.model_name, options, *local)
    else:
        network, record = _create_from_hub(card.model_name, options)
    if card.head_hidden:
        _replace_head(network, card)
    return Classifier(network, card), record


def load_classifier(card: ModelCard, weights: Path) -> Classifier:
    """Build the classifier of a card and load the weights of a run folder (safetensors).

    Raises:
        UserError: The file is broken, or its names, shapes or types are not those of this model.
    """
    classifier, _ = build_classifier(card)
    state = read_state(weights)
    problems = _differences(classifier.network.state_dict(), state)
    if problems:
        raise UserError(
            f"{weights}: does not fit {card.model_name} with {card.num_classes} classes; restore it from a copy.",
            problems,
        )
    classifier.network.load_state_dict(state)
    return classifier.eval()


def _differences(expected: StateDict, state: StateDict) -> list[str]:
    problems = [f"{name}: missing" for name in expected if name not in state]
    for name, value in state.items():
        if name not in expected:
            problems.append(f"{name[:100]}: unknown")
        elif value.shape != expected[name].shape:
            problems.append(f"{name}: {list(value.shape)}; should be {list(expected[name].shape)}")
        elif (value.dtype in FLOAT_TYPES) != (expected[name].dtype in FLOAT_TYPES) or value.dtype.is_complex:
            problems.append(f"{name}: {value.dtype}; should be {expected[name].dtype}")
        elif not bool(torch.isfinite(value).all()):
            # A network with one such value silently predicts the first class for every page.
            problems.append(f"{name}: holds values that are no numbers")
    return problems


def model_normalisation(model_name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and the standard deviation with which the backbone was pretrained."""
    import timm

    _check_name(model_name)
    cfg = timm.get_pretrained_cfg(model_name)
    if cfg is None:
        raise UserError(f"norm_mean: {model_name} does not say how it was normalised; give norm_mean and norm_std.")
    return tuple(cfg.mean), tuple(cfg.std)


def freeze(classifier: Classifier, fine_tuning: str, patterns: Sequence[str]) -> None:
    """Freeze all parameters except those that ``fine_tuning`` selects.

    Args:
        classifier: The model; ``requires_grad`` of its parameters is set.
        fine_tuning: ``full`` and ``scratch`` train all parameters, ``head`` the head, ``custom`` those that match
            ``patterns``.
        patterns: Names with wildcards (fnmatch), such as ``blocks.6*``.

    Raises:
        UserError: A pattern matches nothing; the names of the model's parts are given.
    """
    network = classifier.network
    if fine_tuning in ("full", "scratch"):
        return
    names = [name for name, _ in network.named_parameters()]
    if fine_tuning == "head":
        head = {id(parameter) for parameter in _head(network, classifier.card).parameters()}
        for parameter in network.parameters():
            parameter.requires_grad_(id(parameter) in head)
        return
    unused = [pattern for pattern in patterns if not any(_matches(name, [pattern]) for name in names)]
    if unused:
        tops = sorted({name.split(".")[0] for name in names})
        raise UserError(
            f"trainable_patterns: nothing in {classifier.card.model_name} is called so: {', '.join(unused)}. "
            f"Its parts: {', '.join(tops)}."
        )
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(_matches(name, patterns))


def hold_frozen_statistics(network: nn.Module) -> None:
    """Let layers without a trained parameter keep the statistics of their batch normalisation."""
    for layer in network.modules():
        parameters = list(layer.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            layer.eval()


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _check_name(model_name: str) -> None:
    import timm

    base, _, tag = model_name.partition(".")
    if timm.is_model(base):
        tags = sorted(name.partition(".")[2] for name in timm.list_pretrained(f"{base}.*"))
        if not tag or tag in tags:
            return
        raise UserError(f"model_name: {base} has no weights called {tag!r}; it has {', '.join(tags) or 'none'}.")
    near = difflib.get_close_matches(base, timm.list_models(), n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "timm.list_models() names all."
    raise UserError(f"model_name: timm has no model {model_name}; {hint}")


def _options(card: ModelCard) -> dict[str, Any]:
    """Return the arguments of ``timm.create_model``; only requested ones, since models do not accept all of them."""
    import timm

    requested = {"drop_rate": card.drop_rate, "drop_path_rate": card.drop_path_rate, "act_layer": card.activation}
    options = {"num_classes": card.num_classes, **{name: v for name, v in requested.items() if v is not None}}
    cfg = timm.get_pretrained_cfg(card.model_name)
    if cfg is not None and cfg.fixed_input_size:
        options["img_size"] = card.image_size
    return options


def _create(model_name: str, options: dict[str, Any], **weights: Any) -> nn.Module:
    import timm

    try:
        network: nn.Module = timm.create_model(model_name, **options, **weights)
    except TypeError as error:
        option = str(error).rpartition("argument ")[2].strip("'\"")
        key = {"act_layer": "activation"}.get(option, option)
        raise UserError(f"{key}: {model_name} does not have this option; leave it out.") from None
    except AssertionError as error:
        raise UserError(
            f"image_size: {model_name} cannot be built for {options.get('img_size')} px ({error}); choose another size."
        ) from error
    return network


def _create_with_state(
    model_name: str, options: dict[str, Any], state: StateDict, record: WeightsRecord
) -> tuple[nn.Module, WeightsRecord]:
    """Load a state dict into a new model through timm, which resizes position embeddings and drops another head."""
    import timm

    if record.source == "package":
        state = fit_by_order(state, timm.create_model(model_name))
    network = _create(model_name, options)
    head = _head_names(network)
    backbone = [name for name in network.state_dict() if not name.startswith(head)]
    num_found = sum(name in state for name in backbone)
    if num_found < MIN_COVERED * len(backbone):
        raise UserError(
            f"pretrained: {record.location} has {num_found} of the {len(backbone)} tensors of {model_name}: "
            "these are another model's weights."
        )
    own_head = {name: value for name, value in network.state_dict().items() if name.startswith(head)}
    same_head = all(name in state and state[name].shape == value.shape for name, value in own_head.items())
    try:
        if same_head:
            network.load_state_dict(state, strict=False)
            return network, record
        overlay = {"state_dict": state, "num_classes": -1}
        network = _create(model_name, options, pretrained=True, pretrained_cfg_overlay=overlay)
    except RuntimeError as error:
        # torch lists each tensor that does not fit; timm has changed those that it can.
        reason = str(error).splitlines()[-1].strip()[:200]
        raise UserError(f"pretrained: {record.location} does not fit {model_name} ({reason}).") from None
    new = [name for name in network.state_dict() if name.startswith(head) or name not in state]
    return network, replace(record, new=new)


def _create_from_hub(model_name: str, options: dict[str, Any]) -> tuple[nn.Module, WeightsRecord]:
    import timm

    cfg = timm.get_pretrained_cfg(model_name)
    if cfg is None or not cfg.has_weights:
        raise UserError(f"pretrained: timm knows no weights for {model_name}; set pretrained: false or give a path.")
    try:
        network = _create(model_name, options, pretrained=True)
    except (OSError, RuntimeError, ValueError) as error:
        # huggingface_hub raises subclasses of these for: offline, no such host, timeout, not in the cache.
        raise offline_error(model_name, type(error).__name__) from None
    new = [name for name in network.state_dict() if name.startswith(_head_names(network))]
    return network, WeightsRecord("hub", str(cfg.hf_hub_id or cfg.url), _state_sha256(network, new), new)


def _state_sha256(network: nn.Module, new: Sequence[str]) -> str:
    """Return the hash of the pretrained tensors, in their order."""
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        if name not in new:
            digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _head_names(network: nn.Module) -> tuple[str, ...]:
    """Return the prefixes of the names of the head's parameters in timm."""
    names = getattr(network, "pretrained_cfg", {}).get("classifier") or "classifier"
    return (names,) if isinstance(names, str) else tuple(names)


def _head(network: nn.Module, card: ModelCard) -> nn.Module:
    names = _head_names(network)
    if len(names) != 1:
        raise UserError(
            f"{card.model_name} has {len(names)} heads; head_hidden and fine_tuning: head need a single one."
        )
    return network.get_submodule(names[0])


def _replace_head(network: nn.Module, card: ModelCard) -> None:
    """Replace the linear head by a head of two layers."""
    assert card.head_hidden is not None
    linear = _head(network, card)
    if not isinstance(linear, nn.Linear):
        raise UserError(f"head_hidden: the head of {card.model_name} is not a linear layer; leave head_hidden out.")
    head = nn.Sequential(
        nn.Linear(linear.in_features, card.head_hidden),
        nn.GELU(),
        nn.Dropout(card.drop_rate or 0.0),
        nn.Linear(card.head_hidden, card.num_classes),
    )
    parent, _, name = _head_names(network)[0].rpartition(".")
    setattr(network.get_submodule(parent), name, head)
