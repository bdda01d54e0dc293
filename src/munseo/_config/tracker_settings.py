"""Keys of experiment trackers. A tracker is a class here, and an entry of ``_training/trackers.py``."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from munseo._config.key import Key, KeyGroup, OnResume, Section


class TrackerSection(Section):
    """The settings of one tracker; its ``title`` in reports is the same in every language."""

    title: ClassVar[str]

    log: bool = Field(False, description="whether the run is logged there")

    @property
    def destination(self) -> str | None:
        """The project or experiment that the run belongs to, if the tracker has such a thing."""
        return None


class Wandb(TrackerSection):
    """Weights & Biases; it logs offline where there is no key or no network."""

    title: ClassVar[str] = "W&B"

    project: str = Field("munseo", description="project that the run belongs to")
    entity: str | None = Field(None, description="user or team; default: that of the key")
    tags: list[str] = Field(default_factory=list, description="tags of the run")

    @property
    def destination(self) -> str:
        """The project of the run."""
        return self.project


class Mlflow(TrackerSection):
    """MLflow; a local SQLite file unless a server is named."""

    title: ClassVar[str] = "MLflow"

    tracking_uri: str | None = Field(None, description="server; default: an SQLite file next to the runs")
    experiment: str = Field("munseo", description="experiment that the run belongs to")

    @property
    def destination(self) -> str:
        """The experiment of the run."""
        return self.experiment


class Tensorboard(TrackerSection):
    """TensorBoard event files in the run folder."""

    title: ClassVar[str] = "TensorBoard"


class TrackerSettings(Section):
    """One key for each tracker."""

    group: ClassVar = KeyGroup.TRACKING

    wandb: Annotated[Wandb, Key(on_resume=OnResume.FREE)] = Field(default_factory=Wandb, description="Weights & Biases")
    mlflow: Annotated[Mlflow, Key(on_resume=OnResume.FREE)] = Field(default_factory=Mlflow, description="MLflow")
    tensorboard: Annotated[Tensorboard, Key(on_resume=OnResume.FREE)] = Field(
        default_factory=Tensorboard, description="TensorBoard"
    )
