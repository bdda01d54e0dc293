"""Keys of experiment trackers. A tracker is a class here, and an entry of ``_training/trackers.py``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from munseo._config.key import Group, Key, Section

_LOG = "whether the run is logged there"


class Wandb(Section):
    """Weights & Biases; it logs offline where there is no key or no network."""

    log: bool = Field(False, description=_LOG)
    project: str = Field("munseo", description="project that the run belongs to")
    entity: str | None = Field(None, description="user or team; default: that of the key")
    tags: list[str] = Field(default_factory=list, description="tags of the run")


class Mlflow(Section):
    """MLflow; a local SQLite file unless a server is named."""

    log: bool = Field(False, description=_LOG)
    tracking_uri: str | None = Field(None, description="server; default: an SQLite file next to the runs")
    experiment: str = Field("munseo", description="experiment that the run belongs to")


class Tensorboard(Section):
    """TensorBoard event files in the run folder."""

    log: bool = Field(False, description=_LOG)


class TrackerSettings(Section):
    """One key for each tracker."""

    wandb: Annotated[Wandb, Key(Group.TRACKING)] = Field(default_factory=Wandb, description="Weights & Biases")
    mlflow: Annotated[Mlflow, Key(Group.TRACKING)] = Field(default_factory=Mlflow, description="MLflow")
    tensorboard: Annotated[Tensorboard, Key(Group.TRACKING)] = Field(
        default_factory=Tensorboard, description="TensorBoard"
    )
