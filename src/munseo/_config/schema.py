"""The typed configuration of a run: every key, its type, its range, its default.

The first block holds the keys of the reference report in the report's own order and spelling, so that its YAML blocks
are a valid configuration as they stand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

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
Level = Literal["none", "minimal", "moderate", "strong"]
Monitor = Literal["val_loss", "val_macro_f1", "val_shifted_loss", "val_shifted_macro_f1"]
Share = Annotated[float, Field(ge=0, le=1)]
Channels = Annotated[list[float], Field(min_length=3, max_length=3)]


class Section(BaseModel):
    """A mapping of the configuration file; a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", validate_default=True, protected_namespaces=(), allow_inf_nan=False)


class Augmentation(Section):
    """Switches of single policies; a key that is absent follows ``augmentation_level``."""

    eda: bool | None = Field(None, description="shift, scale, rotation, transpose, blur, noise, colour")
    dilation: bool | None = Field(None, description="cv2.dilate with geometry and colour")
    erosion: bool | None = Field(None, description="cv2.erode with geometry and colour")
    document: bool | None = Field(None, description="simulated photographs and rough scans")
    matched: bool | None = Field(None, description="damage drawn from the recipe of shift")
    mixup: bool | None = Field(None, description="MixUp on batches, soft labels")
    cutmix: bool | None = Field(None, description="CutMix on batches, soft labels")


class AugmentationStage(Section):
    """What holds from one epoch on."""

    from_epoch: int = Field(ge=0, description="first epoch (from 0) of this stage")
    augmentation_level: Level | None = None
    augmentation: Augmentation = Field(default_factory=Augmentation)


class ClassPolicies(Section):
    """Policies of the pages of some classes, in place of the run's."""

    classes: list[int | str] = Field(min_length=1, description="as numbers or names")
    augmentation: Augmentation = Field(default_factory=Augmentation, description="absent keys follow the run's")
    augmentation_params: dict[str, dict[str, Any]] = Field(default_factory=dict)


class ResizingStage(Section):
    """How large training pages are from one epoch on."""

    from_epoch: int = Field(ge=0, description="first epoch (from 0) of this size")
    image_size: int = Field(ge=16, le=2048, description="px; at most the run's image_size")


class ClassImbalance(Section):
    """Fills small classes of the train part with cutout copies."""

    aug_class: list[int | str] = Field(min_length=1, description="classes to fill up, as numbers or names")
    max_samples: int = Field(ge=1, description="pages that each of them shall have in the train part")


class Wandb(Section):
    """Weights & Biases; offline by itself where there is no key or network."""

    log: bool = False
    project: str = "munseo"
    entity: str | None = None
    tags: list[str] = Field(default_factory=list)


class Mlflow(Section):
    """MLflow; a local SQLite file unless a server is named."""

    log: bool = False
    tracking_uri: str | None = Field(None, description="default: sqlite file beside the runs")
    experiment: str = "munseo"


class Tensorboard(Section):
    """TensorBoard event files in the run folder."""

    log: bool = False


class Config(Section):
    """One run, whole."""

    # model
    model_name: str = Field("efficientnet_b4.ra2_in1k", min_length=1, description="any timm model")
    pretrained: bool | str = Field(True, description="true, false, or a weights file or folder")
    fine_tuning: Literal["full", "head", "custom", "scratch"] = "full"
    image_size: int = Field(320, ge=16, le=2048, description="longest side and square, px")
    # optimiser and schedule
    optimizer_name: OptimizerName = "AdamW"
    lr: float = Field(1e-4, gt=0, le=10)
    weight_decay: float = Field(1e-5, ge=0, le=1)
    scheduler_name: SchedulerName = "CosineAnnealingLR"
    # batches
    batch_size: Annotated[int, Field(ge=1)] | Literal["auto"] = 20
    val_batch_size: Annotated[int, Field(ge=1)] | Literal["auto"] = 50
    batch_size_multiplier: float = Field(
        0.8, gt=0, le=1, description="headroom: the share of the largest batch used when batch_size is auto"
    )
    # length
    epochs: int = Field(100, ge=1)
    patience: int = Field(20, ge=1, description="epochs without improvement before the run stops")
    early_stopping_min_delta: float = Field(1e-6, ge=0)
    # preprocessing
    norm_mean: Channels | Literal["model"] = Field(default_factory=lambda: [0.5, 0.5, 0.5])
    norm_std: Channels | Literal["model"] = Field(default_factory=lambda: [0.5, 0.5, 0.5])
    # split
    val_split_ratio: float = Field(0.15, gt=0, lt=1)
    stratify: bool = True
    group_column: str | None = Field(
        None, min_length=1, description="column of the train table; pages with the same value stay on one side"
    )
    split_by_likeness: Literal["near", "equal", "none"] = Field(
        "near", description="copies of a page stay on one side: near (turned, saved again), equal files alone, or none"
    )
    # augmentation
    augmentation_level: Level = "minimal"
    online_augmentation: bool = Field(True, description="false: one copy of the data per policy instead")
    augmentation: Augmentation = Field(default_factory=Augmentation)
    # balance
    class_imbalance: ClassImbalance | None = None
    # prediction and precision
    TTA: bool = Field(False, description="test-time augmentation")
    mixed_precision: bool = Field(False, description="bf16 or fp16, by device")

    # data
    data_dir: Path = Field(Path("data"), description="where the tables and images are")
    train_table: str | None = Field(None, description="default: train.csv, else a folder per class")
    val_table: str | None = Field(None, description="a fixed validation part; default: val.csv if there is one")
    image_dir: str | None = Field(None, description="images of the tables; default: train/")
    test_dir: str | None = Field(None, description="default: test/")
    id_column: str | None = None
    target_column: str | None = None
    on_bad_image: Literal["fail", "skip"] = "fail"
    n_folds: int = Field(0, ge=0, le=50, description="0: one split; 2 or more: stratified folds")
    fold: int | None = Field(None, ge=0, description="train this fold alone")
    # run
    runs_dir: Path = Path("runs")
    random_seed: int = Field(42, ge=0, le=2**32 - 1)
    save_every_minutes: float | None = Field(
        10.0, ge=0, description="how often the state is saved within an epoch; 0: only between epochs"
    )
    language: Literal["en", "ko"] = Field("en", description="of pictures and messages in the run folder")
    # augmentation in detail
    augmentation_probability: Share = Field(0.85, description="online: share of pages that get a policy")
    augmentation_params: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="per policy: parameters that differ from its defaults"
    )
    mix_probability: Share = Field(0.5, description="share of batches that mixup or cutmix mixes")
    dynamic_augmentation: list[AugmentationStage] = Field(default_factory=list)
    class_policies: list[ClassPolicies] = Field(default_factory=list, description="own policies of groups of classes")
    progressive_resizing: list[ResizingStage] = Field(
        default_factory=list, description="smaller training pages in early epochs"
    )
    weighted_sampler: bool = Field(False, description="draw classes equally often")
    class_weighting: bool = Field(False, description="weigh the loss by inverse class frequency")
    # model in detail
    trainable_patterns: list[str] = Field(
        default_factory=list, description="fine_tuning: custom trains parameters whose name matches one (fnmatch)"
    )
    drop_rate: Share | None = Field(None, description="dropout before the head; default: the model's own")
    drop_path_rate: Share | None = Field(None, description="stochastic depth")
    activation: Literal["relu", "silu", "gelu", "mish", "leaky_relu", "hard_swish"] | None = None
    head_hidden: Annotated[int, Field(ge=1)] | None = Field(None, description="width of an MLP head; default: linear")
    # loss
    loss: Literal["cross_entropy", "focal"] = "cross_entropy"
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    focal_gamma: float = Field(2.0, ge=0)
    logit_adjustment: float = Field(0.0, ge=0, le=10, description="times the log prior, added in the training loss")
    # optimisation in detail
    optimizer_params: dict[str, Any] = Field(default_factory=dict, description="passed to the optimiser")
    scheduler_params: dict[str, Any] = Field(default_factory=dict, description="passed to the scheduler")
    warmup_epochs: float = Field(0.0, ge=0, description="linear warm-up from 1 % of the rate")
    gradient_clip_norm: float | None = Field(None, gt=0)
    accumulate_batches: int = Field(1, ge=1)
    ema_decay: float | None = Field(None, gt=0, lt=1, description="exponential moving average of the weights")
    snapshot_epochs: int = Field(0, ge=0, description="average the weights at the ends of the last epochs")
    layer_decay: float | None = Field(None, gt=0, le=1, description="rate of a layer, as a share of that of the next")
    monitor: Monitor = Field("val_loss", description="what early stopping and the choice of weights look at")
    # validation under shift
    shift: str = Field(
        "competition",
        min_length=1,
        description="recipe of the second validation: competition, document, measured (on the test part), none, a file",
    )
    shifted_draws: int = Field(2, ge=1, le=20, description="how often each validation page is damaged")
    robustness_pages: int = Field(
        120, ge=0, description="validation pages that go through every kind of damage after training; 0: none"
    )
    # prediction in detail
    tta_views: list[str] = Field(default_factory=lambda: ["identity", "scale_90", "scale_110"], min_length=1)
    tta_space: Literal["probability", "logit"] = Field("probability", description="what is averaged over the views")
    second_look: bool = Field(False, description="predict uncertain pages again, where validation says that it helps")
    orientation: Literal["as_is", "deskew"] = Field(
        "as_is", description="deskew: turn every page until its lines of print are level, before anything else"
    )
    # machine
    cache: bool | Annotated[str, Field(min_length=1)] = Field(
        "auto", description="decoded pages on disk, shared by runs: auto (the user's cache folder), off, or a folder"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: int = Field(1, ge=1, description="processes of this machine")
    num_nodes: int = Field(1, ge=1)
    num_workers: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    num_threads: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    channels_last: bool = True
    compile: Literal["auto"] | bool = Field("auto", description="torch.compile of the training step; auto: by a trial")
    # tracking
    wandb: Wandb = Field(default_factory=Wandb)
    mlflow: Mlflow = Field(default_factory=Mlflow)
    tensorboard: Tensorboard = Field(default_factory=Tensorboard)

    @model_validator(mode="after")
    def _agree(self) -> Config:
        """Keys that are fine alone and wrong together."""
        problems = []
        if self.n_folds == 1:
            problems.append("n_folds: 1 is not allowed; 0 for one split, 2 or more for folds")
        if self.fold is not None and self.fold >= self.n_folds:
            problems.append(f"fold: {self.fold} is not allowed; less than n_folds ({self.n_folds})")
        if self.n_folds and self.val_table:
            problems.append("n_folds: folds and a fixed val_table exclude each other; leave one of them out")
        if self.fine_tuning == "custom" and not self.trainable_patterns:
            problems.append("trainable_patterns: needed with fine_tuning: custom, such as ['blocks.6*', 'classifier*']")
        if self.trainable_patterns and self.fine_tuning != "custom":
            problems.append(f"trainable_patterns: has no effect with fine_tuning: {self.fine_tuning}; set it to custom")
        if (self.norm_mean == "model") != (self.norm_std == "model"):
            problems.append("norm_mean, norm_std: either both are 'model' or none is")
        if self.norm_std != "model" and min(self.norm_std) <= 0:
            problems.append(f"norm_std: {self.norm_std} is not allowed; every value greater than 0")
        if self.warmup_epochs and self.scheduler_name == "OneCycleLR":
            problems.append(
                "warmup_epochs: OneCycleLR warms up by itself; leave it out, or set scheduler_params.pct_start"
            )
        if self.dynamic_augmentation and not self.online_augmentation:
            problems.append("dynamic_augmentation: needs online_augmentation: true; offline copies never change")
        if self.shift == "none" and self.monitor.startswith("val_shifted"):
            problems.append(f"monitor: {self.monitor} needs a second validation; set shift to something else than none")
        problems += self._balance_problems() + self._switch_problems() + self._policy_problems()
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _balance_problems(self) -> list[str]:
        balancing = [key for key in ("class_weighting", "weighted_sampler", "logit_adjustment") if getattr(self, key)]
        if len(balancing) < 2:
            return []
        return [f"{', '.join(balancing)}: each balances the classes; choose one"]

    def _switch_problems(self) -> list[str]:
        problems = []
        if self.snapshot_epochs and self.ema_decay is not None:
            problems.append("snapshot_epochs, ema_decay: both average the weights; choose one")
        if self.snapshot_epochs > self.epochs:
            problems.append(f"snapshot_epochs: {self.snapshot_epochs} is not allowed; at most epochs ({self.epochs})")
        stages = self.progressive_resizing
        for place, stage in enumerate(stages):
            if stage.image_size > self.image_size:
                problems.append(
                    f"progressive_resizing.{place}.image_size: {stage.image_size} is not allowed; "
                    f"at most image_size ({self.image_size})"
                )
            if place and stage.from_epoch <= stages[place - 1].from_epoch:
                problems.append(
                    f"progressive_resizing.{place}.from_epoch: {stage.from_epoch} is not after the one before"
                )
        return problems

    def _policy_problems(self) -> list[str]:
        problems = []
        if self.class_policies and not self.online_augmentation:
            problems.append("class_policies: needs online_augmentation: true; offline copies are made of all classes")
        for place, group in enumerate(self.class_policies):
            for mix in ("mixup", "cutmix"):
                if getattr(group.augmentation, mix) is not None:
                    problems.append(
                        f"class_policies.{place}.augmentation.{mix}: mixes whole batches, so it cannot be one class's; "
                        "set it in augmentation"
                    )
        switches = [self.augmentation, *(stage.augmentation for stage in self.dynamic_augmentation)]
        switches += [group.augmentation for group in self.class_policies]
        if self.shift == "none" and any(switch.matched for switch in switches):
            problems.append("augmentation.matched: draws damage from the recipe of shift; set shift to other than none")
        return problems
