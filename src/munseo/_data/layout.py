"""From a data folder to its pages: from tables, or from one folder per class. All problems are raised together."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from munseo._config import Config
from munseo._data.claimed_pages import (
    ClaimedPage,
    claimed_in_class_folders,
    claimed_in_folder,
    claimed_in_table,
    note_unlisted,
    report_repeats,
)
from munseo._data.classes import Classes, classes_of_labels, classes_of_meta
from munseo._data.container.archives import is_archive
from munseo._data.data_table import OTHER_NAMES, DataTable
from munseo._data.folder_walk import FolderWalk
from munseo._data.image_error import UnreadableError
from munseo._data.image_finder import ImageFinder, is_hidden, lies_within, nfc, printable
from munseo._data.label_checks import note_joined_classes, note_variants
from munseo._data.left_out import LeftOut
from munseo._data.page import MissingPage, Page, PageSet
from munseo._data.tables import is_table, read_table, shards_of
from munseo._errors import UserError
from munseo._locale import Remark

_NAMED = 5  # the number of folders without images that a note names
METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
"""The tables of an image folder as Hugging Face's datasets read it, with the columns ``file_name`` and ``label``."""


@dataclass(frozen=True)
class DataLayout:
    """Where a data folder has its tables and images, and how the columns of its tables are called.

    Paths are relative to the data folder; None means the usual name.
    """

    # Table of the train pages, such as ``labels.xlsx#Sheet2`` or ``data/train-*.parquet``; default: ``train.csv``, else
    # the parquet tables, archives or folders that ``load_pages`` finds.
    train_table: str | None = None
    val_table: str | None = None  # table of a fixed validation split; default: ``val.csv`` if there is one
    # Folder of the images that the tables name; default: ``train/`` (for validation pages ``val/`` first), then the
    # data folder. A file that a table names must lie in there, links followed.
    image_dir: str | None = None
    test_dir: str | None = None  # folder of the test images; default: ``test/`` if there is one
    id_column: str | None = None  # column of the file names; default: ``ID``
    target_column: str | None = None  # column of the labels; default: ``target``
    follow_links: bool = False  # whether links may leave the folder that they are in

    @classmethod
    def from_config(cls, config: Config) -> DataLayout:
        """Return the layout that the configuration of a run describes."""
        return cls(**{key.name: getattr(config, key.name) for key in fields(cls)})


DEFAULT_LAYOUT = DataLayout()  # the usual names of tables, folders and columns


def load_pages(data_dir: Path, layout: DataLayout = DEFAULT_LAYOUT, keeps_missing: bool = False) -> PageSet:
    """Read the tables of a data folder and find the files that they name.

    No image is opened; ``check_images`` does that. There are four kinds of data folder: the competition's
    (``train.csv`` with ``ID,target``, and if they exist ``meta.csv``, ``val.csv``, ``sample_submission.csv``,
    ``train/``, ``val/``, ``test/``); any other table with named columns (``read_table``), such as the ``metadata.csv``
    of an image folder; parquet tables with images or archives, one or several for each split (``shards_of``); a folder
    per class, directly or below ``train/``, with ``val/`` and ``test/`` next to it.

    Raises:
        UserError: The data set has problems: all of them are listed, each with its file and line.
    """
    loading = _Loading.of(data_dir, layout)
    loading.keeps_missing = keeps_missing
    image_dir = layout.image_dir
    train_path, val_path = loading.table_path("train", layout.train_table), loading.table_path("val", layout.val_table)
    if train_path is not None:
        train = loading.table_split("train", train_path, loading.image_folders(image_dir, "train"))
        val = loading.table_split("val", val_path, loading.image_folders(image_dir, "val")) if val_path else None
    else:
        if layout.val_table:
            loading.problems.append(f"{layout.val_table}: a val_table needs a train_table; there is no train.csv")
        train, val = loading.class_folder_splits(image_dir, layout.test_dir)
    classes = loading.classes(train)
    test = loading.test_split(layout.test_dir, classes)
    return loading.page_set(classes, train, val, test)


def load_labelled_pages(data_dir: Path, layout: DataLayout = DEFAULT_LAYOUT, table: str | None = None) -> PageSet:
    """Read the labelled pages of a data folder that judge a model but train none.

    A set to train on has a page of every class in its train pages, and two classes at least; here neither is needed.

    Args:
        data_dir: A data folder of the kinds that ``load_pages`` reads.
        layout: Its tables, folders and columns.
        table: Its only table that counts, or None for all of them. Its images are in ``image_dir``, or else in
            ``train/``, ``val/``, ``test/`` or the folder itself, where only one of these has the name.

    Returns:
        The pages, those of ``table`` as train pages. Test pages have a label where their folder is named after a class.

    Raises:
        UserError: The data set has problems: all of them are listed, each with its file and line.
    """
    loading = _Loading.of(data_dir, layout)
    val: list[ClaimedPage] | None = None
    train_path, val_path = loading.table_path("train", layout.train_table), loading.table_path("val", layout.val_table)
    if table is not None:
        train = loading.table_of_any_split(data_dir / table, layout.image_dir)
    elif train_path or val_path:
        folders = {split: loading.image_folders(layout.image_dir, split) for split in ("train", "val")}
        train = loading.table_split("train", train_path, folders["train"]) if train_path else []
        val = loading.table_split("val", val_path, folders["val"]) if val_path else None
    else:
        train, val = loading.class_folder_splits(layout.image_dir, layout.test_dir, need_train=False)
    classes = loading.classes([*train, *(val or ())])
    # A test split that a sample submission lists has no labels, and may be incomplete where only labels are needed.
    has_sample = (data_dir / "sample_submission.csv").is_file()
    test = [] if table is not None or has_sample else loading.test_split(layout.test_dir, classes)
    return loading.page_set(classes, train, val, test, least_classes=1)


@dataclass
class _Loading:
    """Loads a data folder and collects the problems and notes on the way."""

    data_dir: Path
    id_column: str
    target_column: str
    follow_links: bool = False
    tables: dict[str, Path] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    keeps_missing: bool = False

    @classmethod
    def of(cls, data_dir: Path, layout: DataLayout) -> _Loading:
        if not data_dir.is_dir():
            raise UserError(
                f"{data_dir}: there is no such data folder; set data_dir to where the tables and images are."
            )
        return cls(data_dir, layout.id_column or "ID", layout.target_column or "target", layout.follow_links)

    def table(self, name: str, path: Path) -> DataTable | None:
        try:
            table = read_table(path)
        except UserError as error:
            self.problems.append(error.message)
            return None
        self.tables[name] = path
        self.notes += table.notes
        if table.encoding == "CP949":
            self.notes.append(str(Remark("data.cp949", {"file": path.name})))
        if table.layout is not None and table.layout.columns is not None:
            self.notes.append(str(Remark("data.no_header", {"file": path.name, "columns": ", ".join(table.columns)})))
        return table

    def table_path(self, split: str, given: str | None) -> Path | None:
        """Return the table of a split, if there is one.

        It is the given one, ``<split>.csv``, that of an image folder, or a pattern of those that hold the pages.
        """
        if given is not None:
            return self.data_dir / given
        usual = self.data_dir / f"{split}.csv"
        if usual.is_file():
            return usual
        folders = [*self.usual_folders(split), *([self.data_dir] if split == "train" else [])]
        metadata = next((path for folder in folders for name in METADATA if _is_metadata(path := folder / name)), None)
        return metadata or shards_of(self.data_dir, split)

    def table_split(self, split: str, path: Path, folders: Sequence[Path]) -> list[ClaimedPage]:
        table = self.table(split, path)
        if table is None:
            return []
        finder = ImageFinder(folders, self.data_dir, self.follow_links)
        return claimed_in_table(table, finder, self.id_column, self.target_column, self.problems, self.keeps_missing)

    def table_of_any_split(self, path: Path, image_dir: str | None) -> list[ClaimedPage]:
        """Return the pages of a table whose images may be in the folder of any split, but of only one."""
        if image_dir is not None:
            return self.table_split("train", path, self.image_folders(image_dir, "train"))
        folders = [folder for name in ("train", "val", "test") for folder in self.usual_folders(name)]
        finders = {folder.name: ImageFinder([folder], self.data_dir, self.follow_links) for folder in folders}
        pages = self.table_split("train", path, [*folders, self.data_dir])
        for page in pages:
            # Two splits may number their images alike; labels of one must not meet images of the other.
            places = [name for name, finder in finders.items() if _finds(finder, page.id)]
            if len(places) > 1:
                listed = ", ".join(f"{name}/" for name in places)
                self.problems.append(f"{page.where}: {page.id}: is in {listed}; say which is meant with image_dir")
        return pages

    def image_folders(self, image_dir: str | None, split: str) -> list[Path]:
        """Return where the images of a split may be, in the order of looking."""
        val_folders = self.usual_folders("val") if split == "val" else []
        if image_dir is None:
            return [*val_folders, *self.usual_folders("train"), self.data_dir]
        folder = self.data_dir / image_dir
        if not folder.is_dir():
            self.problems.append(f"image_dir: there is no folder {folder}")
        return [folder, *val_folders]

    def usual_folders(self, name: str) -> list[Path]:
        """Return the folder of this name, if it is there and does not lead out of the data folder."""
        folder = self.data_dir / name
        if not folder.is_dir():
            return []
        if not self.follow_links and not lies_within(folder, self.data_dir):
            key = "test_dir" if name == "test" else "image_dir"
            self.problems.append(f"{name}/: is a link that leaves the data folder; name it as {key} if that is meant")
            return []
        return [folder]

    def class_folder_splits(
        self, image_dir: str | None, test_dir: str | None, need_train: bool = True
    ) -> tuple[list[ClaimedPage], list[ClaimedPage] | None]:
        """Return the train split, and the validation split if there is a ``val/``, from folders named after classes."""
        root = self.data_dir / image_dir if image_dir else next(iter(self.usual_folders("train")), self.data_dir)
        folders = _folders_in(root)
        if root == self.data_dir:
            other_splits = {"val", "test", test_dir or "test"}
            folders = [folder for folder in folders if folder.name not in other_splits]
        train = self.class_folders(folders)
        val_root = self.usual_folders("val")
        val = self.class_folders(_folders_in(val_root[0])) if val_root else None
        if not (train or (val and not need_train)) and not self.problems:
            files = [path for path in self.data_dir.iterdir() if path.is_file()]
            tables = sorted(path.name for path in files if is_table(path) or is_archive(path.name))
            hint = f" Name one as train_table: {', '.join(tables)}." if tables else ""
            raise UserError(f"{self.data_dir}: holds neither train.csv nor a folder of images per class.{hint}")
        return train, val

    def class_folders(self, folders: Sequence[Path]) -> list[ClaimedPage]:
        walk = FolderWalk(self.data_dir, LeftOut(), self.follow_links)
        inside = []
        for folder in folders:
            if self.follow_links or lies_within(folder, self.data_dir):
                inside.append(folder)
            else:
                self.problems.append(
                    f"{folder.name}/: is a link that leaves the data folder; follow_links (--follow-links) reads it"
                )
        pages = claimed_in_class_folders(inside, walk, self.problems)
        self.notes += walk.left_out.notes
        labels = {page.label for page in pages}
        empty = [f"{name}/" for folder in inside if (name := nfc(printable(folder.name))) not in labels]
        if empty:
            names = ", ".join(empty[:_NAMED]) + (", …" if len(empty) > _NAMED else "")
            self.notes.append(str(Remark("data.empty_folders", {"count": len(empty), "names": names})))
        return pages

    def classes(self, train: Sequence[ClaimedPage]) -> Classes | None:
        """Return the classes of ``meta.csv`` or else those of the train labels; None if ``meta.csv`` is unreadable."""
        path = self.data_dir / "meta.csv"
        if not path.is_file():
            source = self.tables["train"].name if "train" in self.tables else "the train folders"
            return classes_of_labels((page.label for page in train if page.label), source)
        table = self.table("meta", path)
        if table is None:
            return None
        self.problems.extend(table.problems)
        try:
            target = table.column("target" if "target" in table.columns else self.target_column)
            return classes_of_meta(table, target, table.column("class_name"), self.problems)
        except UserError as error:
            self.problems.append(error.message)
            return None

    def test_split(self, test_dir: str | None, classes: Classes | None) -> list[ClaimedPage]:
        named = self.data_dir / test_dir if test_dir else None
        if named is not None and not named.is_dir():
            self.problems.append(f"test_dir: there is no folder {named}")
            return []
        folder = named or next(iter(self.usual_folders("test")), None)
        sample_path = self.data_dir / "sample_submission.csv"
        if not sample_path.is_file():
            shards = shards_of(self.data_dir, "test") if named is None else None
            if shards is not None:
                return self.test_table(shards)
            walk = FolderWalk(folder or self.data_dir, LeftOut(), self.follow_links)
            names = classes.names if classes else ()
            pages = claimed_in_folder(folder, names, walk, self.problems) if folder else []
            self.notes += walk.left_out.notes
            return pages
        table = self.table("sample_submission", sample_path)
        if table is None:
            return []
        if folder is None:
            self.problems.append(f"{sample_path.name}: lists {len(table.rows)} pages, but there is no folder test/")
            return []
        id_column = self.id_column if self.id_column in table.columns else table.columns[0]
        finder = ImageFinder([folder], self.data_dir, self.follow_links)
        pages = claimed_in_table(table, finder, id_column, None, self.problems, self.keeps_missing)
        self.notes += note_unlisted(sample_path, pages, folder)
        return pages

    def test_table(self, path: Path) -> list[ClaimedPage]:
        """Return the test pages that tables or archives hold; some have labels, others -1 or none."""
        table = self.table("test", path)
        if table is None:
            return []
        labels = {self.target_column, *OTHER_NAMES["target"]} & set(table.columns)
        has_labels = bool(labels) and all(row.values[name] for row in table.rows for name in labels)
        target = self.target_column if has_labels else None
        return claimed_in_table(table, ImageFinder([], self.data_dir), self.id_column, target, self.problems)

    def page_set(
        self,
        classes: Classes | None,
        train: Sequence[ClaimedPage],
        val: Sequence[ClaimedPage] | None,
        test: Sequence[ClaimedPage],
        least_classes: int = 2,
    ) -> PageSet:
        """Check what only the whole set shows, raise if anything was wrong, and return the pages."""
        report_repeats([("train", train), ("val", val or ())], self.problems)
        report_repeats([("test", test)], self.problems)
        if classes is not None:
            self.check_labels(classes, [*train, *(val or ()), *test], least_classes)
        if not any(page.file for page in (*train, *(val or ()), *test)):
            self.problems += [f"{page.where}: {page.id}: {page.problem}" for page in train if page.problem is not None]
        if self.problems:
            problems = list(dict.fromkeys(self.problems))
            count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
            files = [page.file for page in (*train, *(val or ()))]
            no_image = " Not one image was found: set image_dir to the folder that holds them."
            advice = no_image if files and not any(files) else ""
            raise UserError(f"{self.data_dir}: {count} in the data set.{advice}", problems)
        assert classes is not None
        self.note_odd_labels(classes, [*train, *(val or ())])
        if least_classes > 1:
            self.note_empty_classes(classes, train)
        return PageSet(
            train=_pages(train, classes),
            val=None if val is None else _pages(val, classes),
            test=_pages(test, classes),
            class_names=classes.names,
            class_targets=classes.targets,
            tables=self.tables,
            notes=tuple(self.notes),
            missing=tuple(_missing([("train", train), ("val", val or ()), ("test", test)], classes)),
        )

    def check_labels(self, classes: Classes, pages: Sequence[ClaimedPage], least_classes: int) -> None:
        for page in pages:
            if page.label is not None and classes.index(page.label) is None:
                self.problems.append(f"{page.label_where}: {classes.unknown(page.label)}")
        if least_classes > 1 and len(classes.names) == 1 and not self.problems:
            self.problems.append(f"{classes.source}: has one class only, {classes.names[0]!r}; two are needed")

    def note_odd_labels(self, classes: Classes, pages: Sequence[ClaimedPage]) -> None:
        used = Counter(classes.index(page.label) for page in pages if page.label is not None)
        names = {name: used[index] for index, name in enumerate(classes.names)}
        targets = {target: used[index] for index, target in enumerate(classes.targets)}
        self.notes += note_variants(classes.source, names)
        if classes.names != classes.targets:
            self.notes += note_variants(classes.source, targets)
        else:  # a meta.csv that lists such a class means it
            self.notes += note_joined_classes(classes.source, names)

    def note_empty_classes(self, classes: Classes, train: Sequence[ClaimedPage]) -> None:
        used = {classes.index(page.label) for page in train if page.label is not None}
        for index, name in enumerate(classes.names):
            if index not in used:
                self.notes.append(str(Remark("data.empty_class", {"source": classes.source, "name": repr(name)})))


def _is_metadata(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        return {"file_name", "label"} <= set(read_table(path).columns)
    except UserError:  # some other file of this name; images may be in folders of their classes
        return False


def _finds(finder: ImageFinder, name: str) -> bool:
    try:
        finder.find(name)
    except UnreadableError:
        return False
    return True


def _folders_in(root: Path) -> list[Path]:
    """Return the subfolders in the order of their composed names, without hidden ones and those of systems."""
    if not root.is_dir():
        return []
    with os.scandir(root) as entries:
        names = [entry.name for entry in entries if entry.is_dir() and not is_hidden(entry.name)]
    return [root / name for name in sorted(names, key=lambda name: (nfc(name), name))]


def _pages(claimed: Sequence[ClaimedPage], classes: Classes) -> tuple[Page, ...]:
    pages = []
    for page in claimed:
        if page.file is None:
            assert page.problem is not None, "any other missing file is a problem, and problems have been raised"
            continue
        pages.append(page.file.labelled(None if page.label is None else classes.index(page.label)))
    return tuple(pages)


def _missing(splits: Sequence[tuple[str, Sequence[ClaimedPage]]], classes: Classes) -> Iterator[MissingPage]:
    for split, claimed in splits:
        for page in claimed:
            if page.problem is not None:
                label = None if page.label is None else classes.index(page.label)
                yield MissingPage(split, page.id, label, page.problem)
