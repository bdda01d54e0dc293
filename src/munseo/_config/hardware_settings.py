"""Keys of the machine, and of the run folder that it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from munseo._config.key import Group, Key, Section


class RunSettings(Section):
    """Where a run is written, its seed, and how often its state is saved."""

    runs_dir: Annotated[Path, Key(Group.DATA)] = Field(Path("runs"), description="folder in which run folders are made")
    random_seed: Annotated[int, Key(Group.SPLIT)] = Field(
        42, ge=0, le=2**32 - 1, description="everything random follows from it: the same seed gives the same run"
    )
    save_every_minutes: Annotated[float | None, Key(Group.OTHER)] = Field(
        10.0, ge=0, description="how often the state is saved within an epoch; 0: only between epochs"
    )
    language: Annotated[Literal["en", "ko"], Key(Group.DATA)] = Field(
        "en", description="language of pictures and messages in the run folder"
    )


class HardwareSettings(Section):
    """Device, processes, workers and threads; none of them changes what is trained, except for rounding."""

    cache: Annotated[bool | Annotated[str, Field(min_length=1)], Key(Group.HARDWARE)] = Field(
        "auto", description="decoded pages on disk, shared by runs: auto (the user's cache folder), off, or a folder"
    )
    device: Annotated[Literal["auto", "cpu", "cuda", "mps"], Key(Group.HARDWARE)] = Field(
        "auto", description="where the model computes; auto: a GPU if there is one"
    )
    devices: Annotated[int, Key(Group.HARDWARE)] = Field(1, ge=1, description="processes of this machine")
    num_nodes: Annotated[int, Key(Group.HARDWARE)] = Field(1, ge=1, description="machines that train together")
    num_workers: Annotated[Annotated[int, Field(ge=0)] | Literal["auto"], Key(Group.HARDWARE)] = Field(
        "auto", description="processes that load pages; 0: the main process loads them itself"
    )
    num_threads: Annotated[Annotated[int, Field(ge=1)] | Literal["auto"], Key(Group.HARDWARE)] = Field(
        "auto", description="threads of a training process; auto: a thread per core"
    )
    channels_last: Annotated[bool, Key(Group.HARDWARE)] = Field(
        True, description="keep the channels of a pixel together in memory, which is faster for convolutions"
    )
    compile: Annotated[Literal["auto"] | bool, Key(Group.HARDWARE)] = Field(
        "auto", description="torch.compile of the training step; auto: by a trial"
    )
