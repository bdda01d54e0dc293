"""fastai: an image data block from folders, resized large, augmented as a batch at its final size, and a ``Learner``.

``vision_learner`` would put another head on the model; a plain ``Learner`` trains the same one as the others.
"""

from __future__ import annotations

from pathlib import Path

import timm
from fastai.vision.all import (
    Callback,
    CancelFitException,
    CancelValidException,
    CrossEntropyLossFlat,
    ImageDataLoaders,
    Learner,
    Normalize,
    Resize,
    accuracy,
    aug_transforms,
    get_image_files,
    imagenet_stats,
)
from protocol import Ready, StepClock, Task, prediction_rate, serve

PRESIZE = 460 / 224
"""The guide resizes to 460 px for models of 224 px."""
EPOCHS = 1000


class Ends(Callback):
    """Counts steps, and skips the validation, as the others do."""

    def __init__(self, clock: StepClock) -> None:
        self.clock = clock

    def after_batch(self) -> None:
        """Stop after the last step."""
        self.clock.step()
        if self.clock.done:
            raise CancelFitException

    def before_validate(self) -> None:
        """Continue with the next epoch."""
        raise CancelValidException


def make_learner(task: Task) -> Learner:
    """Build a learner as in the guide to vision; everything else has its defaults."""
    loaders = ImageDataLoaders.from_folder(
        task.data,
        train="train",
        valid="val",
        bs=task.batch,
        item_tfms=Resize(round(PRESIZE * task.size)),
        batch_tfms=[*aug_transforms(size=task.size), Normalize.from_stats(*imagenet_stats)],
    )
    model = timm.create_model(task.model, num_classes=task.num_classes)
    return Learner(loaders, model, loss_func=CrossEntropyLossFlat(), metrics=accuracy)


def train(task: Task, ready: Ready) -> float:
    learner = make_learner(task)
    clock = StepClock(task)
    ready()
    with learner.no_bar():
        learner.fit_one_cycle(EPOCHS, cbs=Ends(clock))
    return clock.rate()


def predict(task: Task, ready: Ready) -> float:
    learner = make_learner(task)

    def of(folder: Path) -> int:
        with learner.no_bar():
            answers, _ = learner.get_preds(dl=learner.dls.test_dl(get_image_files(folder)))
        return len(answers)

    return prediction_rate(of, task, ready)


if __name__ == "__main__":
    serve(train, predict)
