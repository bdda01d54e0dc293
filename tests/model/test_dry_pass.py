"""Sizes, batches and options that a model cannot take are found without weights, and sizes that it takes are named."""

import pytest
import torch

from munseo import UserError
from munseo._config import Config
from munseo._model import ModelCard, build_classifier, check_model
from munseo._model.dry_pass import DryPass


def settings(model_name, **changes):
    return Config().model_copy(update={"model_name": model_name, **changes})


def refusal(model_name, size, batch_size=4, **changes):
    with pytest.raises(UserError) as refused:
        check_model(settings(model_name, **changes), {"image_size": size}, batch_size)
    return str(refused.value)


@pytest.mark.parametrize(
    ("model_name", "size", "others"),
    [
        ("vit_tiny_patch16_224", 225, "it takes 224 and 240."),
        ("vit_small_patch16_dinov3", 250, "it takes 240 and 256."),
        ("vit_small_patch14_dinov2", 225, "it takes 224 and 238."),
        ("naflexvit_base_patch16_gap", 250, "it takes 240 and 256."),
        ("levit_128s", 225, "it takes 224 and 240."),
        ("hiera_tiny_224", 225, "it takes 224"),
        ("maxvit_tiny_tf_224", 225, "it takes 224"),
        ("efficientformer_l1", 256, "it takes 224"),
        ("mvitv2_tiny", 225, "it takes 224"),
        ("crossvit_tiny_240", 232, "240"),
        ("dla34", 225, "it takes 224 and 256."),
        ("test_convnext", 16, "it takes 32."),
    ],
)
def test_sizes_that_patches_and_windows_do_not_fit_are_refused_with_others(model_name, size, others):
    message = refusal(model_name, size)
    assert message.startswith(f"image_size: {model_name} cannot take pages of {size} px (")
    assert others in message


@pytest.mark.parametrize(
    ("model_name", "size"),
    [("vit_tiny_patch16_224", 240), ("test_convnext", 32), ("test_vit", 160), ("levit_128s", 240), ("mvitv2_tiny", 224),
     ("test_efficientnet", 57), ("swin_tiny_patch4_window7_224", 256)],
)  # fmt: skip
def test_what_passes_dry_can_be_trained_for_real(model_name, size):
    check_model(settings(model_name), {"image_size": size}, 2)
    names = ("a", "b")
    classifier = build_classifier(ModelCard(model_name, names, names, size, (0.5,) * 3, (0.5,) * 3))[0].train()
    assert classifier(torch.zeros(2, 3, size, size)).shape == (2, 2)


def test_batch_normalisation_of_one_value_is_found():
    assert refusal("resnet18", 32, batch_size=1).endswith("set it to 2 or more.")
    check_model(settings("resnet18"), {"image_size": 64}, 1)
    # Layers that are not trained keep their statistics, and normalise a single page by them.
    check_model(settings("resnet18", fine_tuning="head"), {"image_size": 32}, 1)


def test_every_stage_of_progressive_resizing_is_checked():
    sizes = {"image_size": 128, "progressive_resizing.0.image_size": 16}
    with pytest.raises(
        UserError, match=r"^progressive_resizing\.0\.image_size: test_convnext cannot take pages of 16 px"
    ):
        check_model(settings("test_convnext"), sizes, 4)
    with pytest.raises(UserError, match="takes pages of one size only"):
        check_model(settings("vit_tiny_patch16_224"), {**sizes, "image_size": 224}, 4)


def test_options_are_checked_too():
    assert "did you mean" in refusal("resnet19", 64)
    assert refusal("vgg11", 64, drop_path_rate=0.1).startswith("drop_path_rate: vgg11 does not have this option")


def test_no_weights_are_made_and_no_random_number_is_drawn():
    """The weights of the run come after a seed, but a dry pass should not need that."""
    before = torch.get_rng_state()
    dry = DryPass(settings("test_efficientnet.r160_in1k"))
    assert dry.failure(64) is None
    assert torch.equal(torch.get_rng_state(), before)
    assert next(dry._classifier(64, "meta").parameters()).device.type == "meta"
