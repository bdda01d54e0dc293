"""Keys of the data and of the run folder: where they are, how pages are split, and the seed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from munseo._config.key import Key, KeyGroup, OnResume, Section


class DataSettings(Section):
    """The data folder, its tables and columns, and the split into train and validation pages."""

    group: ClassVar = KeyGroup.DATA

    data_dir: Annotated[Path, Key(on_resume=OnResume.FREE)] = Field(
        Path("data"), description="where the tables and images are"
    )
    train_table: str | None = Field(
        None, description="table of the train pages; default: train.csv, else a folder per class"
    )
    val_table: Annotated[str | None, Key(KeyGroup.SPLIT)] = Field(
        None,
        description="fixed validation pages, or with n_folds the pages that judge the mean of the folds; "
        "default: val.csv if there is one",
    )
    image_dir: Annotated[str | None, Key(on_resume=OnResume.FREE)] = Field(
        None, description="images of the tables; default: train/"
    )
    test_dir: Annotated[str | None, Key(on_resume=OnResume.FREE)] = Field(
        None, description="test images; default: test/"
    )
    id_column: str | None = Field(None, description="column of the file names; default: ID")
    target_column: str | None = Field(None, description="column of the labels; default: target")
    follow_links: Annotated[bool, Key(on_resume=OnResume.FREE)] = Field(
        False, description="whether links may lead out of the folder that they are in; links to folders are read then"
    )
    on_bad_image: Annotated[Literal["fail", "skip"], Key(on_resume=OnResume.FREE)] = Field(
        "fail", description="what to do with images that cannot be read: fail names them all, skip leaves them out"
    )
    val_split_ratio: Annotated[float, Key(KeyGroup.SPLIT, always=True)] = Field(
        0.15, gt=0, lt=1, description="fraction of the train pages that validation takes"
    )
    stratify: Annotated[bool, Key(KeyGroup.SPLIT, always=True)] = Field(
        True, description="give every class the same fraction of validation pages"
    )
    group_column: Annotated[str | None, Key(KeyGroup.OTHER)] = Field(
        None, min_length=1, description="column of the train table; pages with the same value stay on one side"
    )
    split_by_likeness: Annotated[Literal["near", "equal", "none"], Key(KeyGroup.OTHER)] = Field(
        "near", description="copies of a page stay on one side: near (turned, saved again), only equal files, or none"
    )
    n_folds: Annotated[int, Key(KeyGroup.SPLIT)] = Field(
        0, ge=0, le=50, description="0: one split; 2 or more: stratified folds"
    )
    held_out_ratio: Annotated[float, Key(KeyGroup.SPLIT)] = Field(
        0.1,
        ge=0,
        le=0.5,
        description="with n_folds: fraction of the train pages that no fold uses, and that judge the mean of the folds "
        "unless there are fixed validation pages; 0: its confidence is not calibrated",
    )
    fold: Annotated[int | None, Key(KeyGroup.SPLIT)] = Field(None, ge=0, description="train only this fold")

    def problems_of_split(self) -> list[str]:
        """Return what is wrong between keys of the split."""
        problems = []
        if self.n_folds == 1:
            problems.append("n_folds: 1 is not allowed; 0 for one split, 2 or more for folds")
        if self.fold is not None and self.fold >= self.n_folds:
            problems.append(f"fold: {self.fold} is not allowed; less than n_folds ({self.n_folds})")
        return problems


class RunSettings(Section):
    """The folder of a run, its seed, and how often its state is saved."""

    group: ClassVar = KeyGroup.DATA

    runs_dir: Annotated[Path, Key(on_resume=OnResume.FREE)] = Field(
        Path("runs"), description="folder in which run folders are made"
    )
    random_seed: Annotated[int, Key(KeyGroup.SPLIT)] = Field(
        42, ge=0, le=2**32 - 1, description="everything random follows from it: the same seed gives the same run"
    )
    save_every_minutes: Annotated[float | None, Key(KeyGroup.OTHER, on_resume=OnResume.FREE)] = Field(
        10.0, ge=0, description="how often the state is saved within an epoch; 0: only between epochs"
    )
    language: Annotated[Literal["en", "ko"], Key(on_resume=OnResume.FREE)] = Field(
        "en", description="language of pictures and messages in the run folder"
    )
