"""What is chosen for the machine: the largest batch, and whether the training step is compiled."""

import copy

import pytest
import torch

from munseo._errors import UserError
from munseo._model import ModelCard, build_classifier
from munseo._training import hardware as hardware_module
from munseo._training.hardware import Hardware, choose_compile

LONG = 10**9


@pytest.fixture
def classifier():
    names = ("a", "b", "c")
    card = ModelCard("test_efficientnet.r160_in1k", names, names, 32, (0.5,) * 3, (0.5,) * 3)
    return build_classifier(card, False)[0]


@pytest.fixture
def hardware():
    return Hardware(torch.device("cpu"), "32-true", 4, 4, 0, 1)


def test_short_runs_try_nothing(classifier, hardware, monkeypatch):
    monkeypatch.setattr(hardware_module, "_time_steps", None)  # calling it would fail
    choice = choose_compile("auto", classifier, hardware, 10)
    assert not choice.compiled
    assert "10 steps" in choice.reason
    assert choose_compile(True, classifier, hardware, 10).compiled
    assert not choose_compile(False, classifier, hardware, LONG).compiled


def test_a_step_that_is_quick_enough_is_left_alone(classifier, hardware):
    choice = choose_compile("auto", classifier, hardware, hardware_module.FEWEST_STEPS)
    assert not choice.compiled
    assert choice.eager_s is not None
    assert choice.eager_s > 0
    assert choice.compiled_s is None


def test_the_faster_one_wins_and_the_model_is_left_as_it_was(classifier, hardware, monkeypatch):
    before = copy.deepcopy(classifier.state_dict())
    monkeypatch.setattr(torch, "compile", lambda forward: forward)  # compiling itself takes a minute
    for seconds, expected in ((0.5, True), (2.0, False)):
        real = hardware_module._time_steps

        def timed(model, where, compiled, real=real, seconds=seconds):
            first, _ = real(model, where, compiled)
            return first, seconds if compiled else 1.0

        with monkeypatch.context() as patched:
            patched.setattr(hardware_module, "_time_steps", timed)
            choice = choose_compile("auto", classifier, hardware, LONG)
        assert choice.compiled is expected
        assert (choice.eager_s, choice.compiled_s) == (1.0, seconds)
    after = classifier.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_missing_compiler_is_said_and_training_goes_on(classifier, hardware, monkeypatch):
    def fails(forward):
        raise RuntimeError("no C++ compiler here\nand much more")

    monkeypatch.setattr(torch, "compile", fails)
    choice = choose_compile("auto", classifier, hardware, LONG)
    assert not choice.compiled
    assert choice.reason == "it failed: no C++ compiler here"


@pytest.mark.parametrize(("most", "found"), [(2, 2), (3, 3), (13, 13), (1000, 39)])
def test_the_largest_batch_is_found_by_trial_up_to_a_sixteenth(classifier, monkeypatch, most, found):
    before = copy.deepcopy(classifier.state_dict())
    tried = []

    def step(model, size, device, dtype):
        tried.append(size)
        if size > most:
            raise torch.cuda.OutOfMemoryError

    monkeypatch.setattr(hardware_module, "_step", step)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    assert hardware_module._largest_by_trial(classifier, torch.device("cpu"), None, 40) == found
    assert tried[0] == 2
    after = classifier.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_gpu_without_room_for_two_pages_is_reported(classifier, monkeypatch):
    def step(model, size, device, dtype):
        raise torch.cuda.OutOfMemoryError

    monkeypatch.setattr(hardware_module, "_step", step)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    with pytest.raises(UserError, match="not even 2 pages of 32 px fit into the free memory of a GPU"):
        hardware_module._largest_by_trial(classifier, torch.device("cpu"), None, 40)
