"""The training step: what a step counts when the gradients of several batches are accumulated for it."""

import psutil
import pytest
import torch
from safetensors.torch import load_file

from munseo._config import load_config
from munseo._console import quietly
from munseo._model import load_classifier
from munseo._prediction.device import InferenceSetup
from munseo._prediction.inference import predict_pages
from munseo._run import open_run
from munseo._training import checkpoint as saving
from munseo._training import hardware as hardware_module
from munseo._training.callbacks import Progress
from munseo._training.epoch_outputs import EpochOutputsCollector
from munseo._training.loss import SoftLoss
from munseo._training.module import ModelEmaV3, PageClassifier
from munseo._training.resume import reopen_run
from munseo._training.signals import resumable
from munseo._training.training_run import fit, start_run

ACCUMULATING = {"batch_size": 4, "accumulate_batches": 4, "ema_decay": 0.9, "epochs": 1, "shift": "none"}
"""14 batches an epoch, and so 4 steps: the last of them has 2 batches."""


class PowerCutError(Exception):
    """Stands for a kill: nothing is done after it."""


@pytest.fixture
def begin(overrides, plain_config):
    def start(**changes):
        with quietly(True):
            return start_run(load_config(plain_config, overrides(**{**ACCUMULATING, **changes})), ["a", "test"])

    return start


def go(training):
    with quietly(True), resumable(training.folder):
        fit(training.folder, training.config, training.card, training.splits[0], [])


def test_every_step_has_the_mean_gradient_of_its_batches(begin, monkeypatch):
    """Lightning divides by the planned number of batches, so that the last step would have half a gradient."""
    gradients, averaged = [], []

    def note_gradient(self, optimizer):
        gradients.append(self.classifier.network.get_submodule("classifier").bias.grad.clone())

    def note_average(self, model, step=None):
        averaged.append(step)

    monkeypatch.setattr(PageClassifier, "on_before_optimizer_step", note_gradient)
    monkeypatch.setattr(ModelEmaV3, "update", note_average)
    losses = []

    def summed(self, logits, targets):
        """The gradient of the bias of every class is 1 in every batch."""
        losses.append(logits.sum(dim=1).mean())
        return losses[-1]

    monkeypatch.setattr(SoftLoss, "forward", summed)
    notes, shown = [], Progress.on_train_batch_end

    def note_shown(self, *args, **kwargs):
        shown(self, *args, **kwargs)
        notes.append(self._note)

    monkeypatch.setattr(Progress, "on_train_batch_end", note_shown)
    go(begin())
    assert notes[0] == f"loss {losses[0]:.3f}", "the loss of the batch, not a fraction of it"
    assert len(gradients) == 4
    for gradient in gradients:
        assert torch.allclose(gradient, torch.ones_like(gradient))
    assert averaged == [1, 2, 3, 4], "the moving average follows once after every step of the optimiser"


def test_a_run_that_accumulates_is_resumed_to_the_same_end(begin, monkeypatch):
    whole = begin()
    go(whole)
    cut = begin(save_every_minutes=0.00001)
    save = saving.save_state

    def save_once(*args):
        save(*args)
        raise PowerCutError

    with monkeypatch.context() as patched:
        patched.setattr(saving, "save_state", save_once)
        with pytest.raises(PowerCutError):
            go(cut)
    with quietly(True):
        resumed = reopen_run(open_run(cut.folder.path))
    go(resumed)
    one, other = load_file(whole.folder.weights_file), load_file(resumed.folder.weights_file)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_processor_trains_in_16_bits_and_validates_in_32(begin, monkeypatch):
    """Predictions on a processor are in 32 bits, and the score of an epoch has to be that of its predictions."""
    monkeypatch.setattr(hardware_module, "choose_precision", lambda mixed, device: "bf16-mixed")
    trained, validated = set(), []
    forward, add = SoftLoss.forward, EpochOutputsCollector.add

    def note_training(self, logits, targets):
        if torch.is_grad_enabled():
            trained.add(logits.dtype)
        return forward(self, logits, targets)

    def note_validation(self, loader_index, logits, labels):
        validated.append(logits)
        add(self, loader_index, logits, labels)

    monkeypatch.setattr(SoftLoss, "forward", note_training)
    monkeypatch.setattr(EpochOutputsCollector, "add", note_validation)
    training = begin()
    go(training)
    assert trained == {torch.bfloat16}
    classifier = load_classifier(training.card, training.folder.weights_file)
    predicted = predict_pages(classifier, training.splits[0].val, InferenceSetup(torch.device("cpu"), 8))
    assert torch.allclose(torch.cat(validated).softmax(dim=1), torch.from_numpy(predicted), atol=1e-5)


def test_the_workers_that_load_validation_pages_serve_all_epochs(begin, monkeypatch):
    children, step, before = {}, PageClassifier.validation_step, set(psutil.Process().children())

    def note_children(self, batch, batch_idx, dataloader_idx=0):
        children.setdefault(self.current_epoch, set()).update(set(psutil.Process().children()) - before)
        step(self, batch, batch_idx, dataloader_idx)

    monkeypatch.setattr(PageClassifier, "validation_step", note_children)
    go(begin(epochs=2, num_workers=1))
    assert len(children[0]) == 2, "one loads training pages, one validation pages"
    assert children[0] == children[1]
