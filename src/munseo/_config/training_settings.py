"""Keys of training: optimiser, schedule, batches, length, loss, balance of the classes, and hardware.

The names of optimisers, schedulers and losses are those of the tables in ``_training/optimizer.py`` and
``_training/loss.py``; a test compares them. They are written here again because reading a configuration must not import
torch.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from munseo._config.augmentation_settings import ClassImbalance
from munseo._config.key import Key, KeyGroup, OnResume, Section, Translated

OptimizerName = Literal["SGD", "Momentum", "NAG", "RMSprop", "Adam", "AdamW", "NAdam", "RAdam", "Adafactor"]
SchedulerName = Literal[
    "none",
    "StepLR",
    "ExponentialLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "OneCycleLR",
    "ReduceLROnPlateau",
]
LossName = Literal["cross_entropy", "focal"]
Monitor = Literal["val_loss", "val_macro_f1", "val_shifted_loss", "val_shifted_macro_f1"]


class BalanceSettings(Section):
    """Balancing of unequal classes, apart from the loss."""

    class_imbalance: Annotated[
        ClassImbalance | None,
        Key(KeyGroup.IMBALANCE, off=Translated("fills up small classes", "페이지가 적은 클래스 채우기"), off_order=3),
    ] = Field(None, description="fill small classes of the train split with cutout copies")
    weighted_sampler: Annotated[
        bool,
        Key(
            KeyGroup.TECHNIQUES,
            order=2,
            off=Translated("draws all classes equally often", "모든 클래스를 같은 빈도로 추출"),
            off_order=4,
            balances=True,
            when_on=Translated(
                "`weighted_sampler` draws all classes equally often.",
                "`weighted_sampler`: 모든 클래스를 같은 빈도로 추출합니다.",
            ),
        ),
    ] = Field(False, description="draw classes equally often")
    class_weighting: Annotated[
        bool,
        Key(
            KeyGroup.LOSS,
            order=1,
            off=Translated("weights the loss by class frequency", "클래스 빈도에 따른 손실 가중치"),
            off_order=5,
            balances=True,
            when_on=Translated(
                "`class_weighting` weights the loss by the inverse class frequency.",
                "`class_weighting`: 클래스 빈도의 역수로 손실에 가중치를 줍니다.",
            ),
        ),
    ] = Field(False, description="weigh the pages in the loss by inverse class frequency")


class LossSettings(Section):
    """The training loss."""

    group: ClassVar = KeyGroup.LOSS

    loss: LossName = Field("cross_entropy", description="the training loss; validation always reports cross entropy")
    label_smoothing: Annotated[float, Key(off=Translated("smooths the labels", "라벨 스무딩"), off_order=6)] = Field(
        0.0, ge=0, lt=1, description="fraction of each target that is spread over all classes"
    )
    focal_gamma: float = Field(
        2.0, ge=0, description="loss: focal forgives certain predictions the more, the higher it is; 0: cross entropy"
    )
    logit_adjustment: Annotated[
        float,
        Key(
            order=2,
            off=Translated("shifts logits by class frequency", "클래스 빈도에 따른 로짓 조정"),
            off_order=11,
            balances=True,
        ),
    ] = Field(0.0, ge=0, le=10, description="times the log prior, added in the training loss")


class OptimizerSettings(Section):
    """Optimiser, schedule, batches, and when training ends."""

    group: ClassVar = KeyGroup.OPTIMIZER

    optimizer_name: Annotated[OptimizerName, Key(always=True)] = Field("AdamW", description="the optimiser")
    lr: Annotated[float, Key(always=True)] = Field(
        1e-4, gt=0, le=10, description="learning rate; with OneCycleLR its peak"
    )
    weight_decay: Annotated[float, Key(always=True)] = Field(
        1e-5, ge=0, le=1, description="weight decay of all parameters"
    )
    scheduler_name: Annotated[SchedulerName, Key(KeyGroup.SCHEDULER, always=True)] = Field(
        "CosineAnnealingLR", description="how the rate changes over the epochs; none: it stays"
    )
    batch_size: Annotated[Annotated[int, Field(ge=1)] | Literal["auto"], Key(KeyGroup.BATCHES, always=True)] = Field(
        20, description="training pages a step and process; auto: from what fits into the memory"
    )
    val_batch_size: Annotated[
        Annotated[int, Field(ge=1)] | Literal["auto"],
        Key(KeyGroup.BATCHES, on_resume=OnResume.ROUNDED, always=True),
    ] = Field(50, description="pages a batch of validation and prediction")
    batch_size_multiplier: Annotated[float, Key(KeyGroup.BATCHES, always=True)] = Field(
        0.8, gt=0, le=1, description="headroom: the fraction of the largest batch used when batch_size is auto"
    )
    epochs: Annotated[
        int,
        Key(
            KeyGroup.LENGTH,
            always=True,
            ends=Translated("all planned epochs were trained", "계획한 에포크를 모두 학습"),
        ),
    ] = Field(100, ge=1, description="epochs at most")
    patience: Annotated[
        int,
        Key(
            KeyGroup.LENGTH,
            always=True,
            ends=Translated(
                "stopped early: {monitor} did not improve for {patience} epochs",
                "조기 종료: {patience} 에포크 동안 {monitor} 개선 없음",
            ),
        ),
    ] = Field(20, ge=1, description="epochs without improvement before the run stops")
    early_stopping_min_delta: Annotated[float, Key(KeyGroup.LENGTH, always=True)] = Field(
        1e-6, ge=0, description="a smaller change of the monitored value is no improvement for patience"
    )
    mixed_precision: Annotated[
        bool, Key(KeyGroup.TECHNIQUES, off=Translated("16-bit arithmetic", "16비트 혼합 정밀도 연산"), off_order=2)
    ] = Field(False, description="bf16 or fp16, by device")
    optimizer_params: dict[str, Any] = Field(default_factory=dict, description="passed to the optimiser")
    scheduler_params: Annotated[dict[str, Any], Key(KeyGroup.SCHEDULER)] = Field(
        default_factory=dict, description="passed to the scheduler"
    )
    warmup_epochs: Annotated[
        float,
        Key(KeyGroup.SCHEDULER, off=Translated("raises the learning rate slowly at first", "학습률 웜업"), off_order=9),
    ] = Field(0.0, ge=0, description="linear warm-up from 1 % of the rate")
    gradient_clip_norm: Annotated[
        float | None, Key(order=1, off=Translated("limits the gradient norm", "그래디언트 노름 제한"), off_order=8)
    ] = Field(None, gt=0, description="largest norm of the gradient; a longer one is scaled down")
    accumulate_batches: Annotated[int, Key(KeyGroup.BATCHES)] = Field(
        1, ge=1, description="batches whose gradients are summed for one step"
    )
    ema_decay: Annotated[
        float | None, Key(order=1, off=Translated("moving average of the weights", "가중치 이동평균"), off_order=7)
    ] = Field(None, gt=0, lt=1, description="exponential moving average of the weights")
    snapshot_epochs: Annotated[
        int,
        Key(
            KeyGroup.LENGTH,
            order=1,
            off=Translated("averages the weights of the last epochs", "마지막 에포크들의 가중치 평균"),
            off_order=12,
        ),
    ] = Field(0, ge=0, description="average the weights at the ends of the last epochs")
    layer_decay: Annotated[
        float | None,
        Key(off=Translated("lowers the learning rate of early layers", "앞쪽 층의 학습률 감소"), off_order=10),
    ] = Field(None, gt=0, le=1, description="rate of a layer, as a fraction of that of the next")
    monitor: Annotated[Monitor, Key(KeyGroup.LENGTH)] = Field(
        "val_loss", description="what early stopping and the choice of weights look at"
    )

    @property
    def monitor_mode(self) -> Literal["min", "max"]:
        """``min`` if a smaller value of the monitored metric is better, else ``max``."""
        return "min" if self.monitor.endswith("loss") else "max"

    def problems_of_optimizer(self) -> list[str]:
        """Return what is wrong between keys of the optimiser, the schedule and the averages."""
        problems = []
        if self.warmup_epochs and self.scheduler_name == "OneCycleLR":
            problems.append(
                "warmup_epochs: OneCycleLR warms up by itself; leave it out, or set scheduler_params.pct_start"
            )
        if self.snapshot_epochs and self.ema_decay is not None:
            problems.append("snapshot_epochs, ema_decay: both average the weights; choose one")
        if self.snapshot_epochs > self.epochs:
            problems.append(f"snapshot_epochs: {self.snapshot_epochs} is not allowed; at most epochs ({self.epochs})")
        return problems


class HardwareSettings(Section):
    """Device, processes, workers and threads, and the cache of decoded pages."""

    group: ClassVar = KeyGroup.HARDWARE

    cache: Annotated[bool | Annotated[str, Field(min_length=1)], Key(on_resume=OnResume.FREE)] = Field(
        "auto", description="decoded pages on disk, shared by runs: auto (the user's cache folder), off, or a folder"
    )
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], Key(on_resume=OnResume.ROUNDED)] = Field(
        "auto", description="where the model computes; auto: a GPU if there is one"
    )
    devices: int = Field(1, ge=1, description="processes of this machine")
    num_nodes: int = Field(1, ge=1, description="machines that train together")
    num_workers: Annotated[Annotated[int, Field(ge=0)] | Literal["auto"], Key(on_resume=OnResume.FREE)] = Field(
        "auto", description="processes that load pages; 0: the main process loads them itself"
    )
    num_threads: Annotated[Annotated[int, Field(ge=1)] | Literal["auto"], Key(on_resume=OnResume.ROUNDED)] = Field(
        "auto", description="threads of a training process; auto: a thread per core"
    )
    channels_last: Annotated[bool, Key(on_resume=OnResume.ROUNDED)] = Field(
        True, description="keep the channels of a pixel together in memory, which is faster for convolutions"
    )
    compile: Literal["auto"] | bool = Field("auto", description="torch.compile of the training step; auto: by a trial")
