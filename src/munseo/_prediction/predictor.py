"""The predictor: a run folder, loaded, with everything that turns pages into class probabilities."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from munseo._config import Config
from munseo._console import say
from munseo._data import Page
from munseo._engines import check_backend
from munseo._engines.engine import INT8
from munseo._errors import UserError
from munseo._evaluation.calibration import calibrate
from munseo._evaluation.held_out import (
    ENSEMBLE,
    FULL,
    MEAN_NOT_JUDGED,
    Pipeline,
    held_out,
    judges_its_predictions,
    measured_temperature,
    validated_pipeline,
)
from munseo._evaluation.second_look import SecondLook
from munseo._memory import keep_freed_memory
from munseo._model import Classifier, ModelCard
from munseo._prediction.backend_trial import common_exports, fastest_backend
from munseo._prediction.combination import Combination, is_ensemble, member_folders, read_combination
from munseo._prediction.decision import Threshold, choose_threshold, remedy
from munseo._prediction.device import (
    InferenceSetup,
    choose_device,
    choose_precision,
    choose_workers,
    inference_precision,
)
from munseo._prediction.inference import load_members, predict_run, read_card
from munseo._prediction.loader import DecodedPage, prepared, preprocessings_of
from munseo._prediction.prepared_engine import Pages, is_worth_preparing, models_of, prepare_engine, ready_engine
from munseo._prediction.text_side import TextSide
from munseo._prediction.words_of_pages import PixelReader, find_words, reading_settings
from munseo._run import RunFolder, check_fingerprints
from munseo._text.word_evidence import evidence_of_words
from munseo._words.page_words import NO_WORDS, PageWords

DEVICES = ("auto", "cpu", "cuda", "mps")
"""The devices that a prediction can use."""
USUAL_BATCH = 50
"""Batch size of a run that is configured with ``auto`` and whose manifest does not name the size that was found."""


@dataclass(frozen=True)
class PredictOptions:
    """Options of a prediction. An option that is None follows the configuration and the validation of the run.

    Attributes:
        tta: Average the configured views of a page, or use the unchanged page only; None: as the run was validated.
        second_look: Predict uncertain pages again by the rule that validation chose; None: as configured.
        abstain_below: Calibrated confidence below which a page needs a person.
        target_precision: Fraction of right predictions that validation should guarantee; it chooses the confidence.
        device: One of ``DEVICES``; None: the run's own.
        backend: The engine that runs the networks, one of ``munseo._engines.BACKENDS``; None: on a processor the
            fastest export in full precision that is ready in the run folder, otherwise torch.
        batch_size: Number of pages in a batch; None: the run's own, configured or found.
        text: Fuse the words of a page with its image, if the run was trained with words; False: the image alone.
    """

    tta: bool | None = None
    second_look: bool | None = None
    abstain_below: float | None = None
    target_precision: float | None = None
    device: str | None = None
    backend: str | None = None
    batch_size: int | None = None
    text: bool | None = None


AS_THE_RUN = PredictOptions()
"""Options that follow the configuration and the validation of the run."""


@dataclass(frozen=True)
class PredictedPages:
    """Probabilities of N pages before and after the second look, float32 (N, num_classes) each.

    ``num_second`` is the number of pages that were looked at again.
    """

    first: np.ndarray
    final: np.ndarray
    num_second: int = 0


@dataclass(frozen=True)
class LoadedRun:
    """The model of one run, or those of its folds: the probabilities of all models and views are averaged.

    Where the run uses words, ``text`` fuses them with these probabilities.
    """

    classifiers: Sequence[Classifier]
    views: tuple[str, ...]
    setup: InferenceSetup
    text: TextSide | None = None

    def predict(self, pages: Sequence[Page | DecodedPage], words: Sequence[PageWords] | None) -> np.ndarray:
        """Return the probabilities of N pages, float32 (N, K), by image and words."""
        rows = predict_run(self.classifiers, pages, self.setup, self.views)
        return rows if self.text is None or words is None else self.text.fused(rows, words)

    def columns(self, class_names: Sequence[str]) -> list[int]:
        """Return the indices of these classes among the run's own."""
        return [self.classifiers[0].card.class_names.index(name) for name in class_names]


@dataclass(frozen=True)
class Predictor:
    """A run folder, loaded: one model, those of all folds, or the members of an ensemble.

    Commands, the service and the web page hold nothing else to predict with::

        predictor = Predictor.load(open_run("runs/2507…"), PredictOptions(tta=True))
        probabilities = predictor.probabilities([predictor.prepare(pixels)])  # (1, num_classes)

    Attributes:
        folder: The run folder.
        options: The options that it was loaded with.
        card: The predicted classes, in their order.
        runs: The run itself, or the members of an ensemble: each keeps its own size, normalisation, views, classes.
        combination: What combines the members' probabilities; None for an ordinary run.
        backend: The engine that runs the networks: the one that was asked for, ready, or the fastest in the trial.
        pipeline: What of all this changes probabilities: temperature and threshold are measured on it.
        temperature: The temperature that calibrates the predictions; 1 where the pipeline has not been measured.
        is_calibrated: Whether the pipeline has been measured, so that confidence is the probability of being right.
        threshold: The confidence from which a page needs no person; None where none was asked for.
    """

    folder: RunFolder
    options: PredictOptions
    card: ModelCard
    runs: tuple[LoadedRun, ...]
    combination: Combination | None
    backend: str
    pipeline: Pipeline
    temperature: float
    is_calibrated: bool
    threshold: Threshold | None

    @staticmethod
    def load(folder: RunFolder, options: PredictOptions = AS_THE_RUN) -> Predictor:
        """Load the models of a run, of all its folds, or of all members of an ensemble.

        Raises:
            UserError: The folder is not what it was when the run ended, an option is not allowed, or there is no
                threshold that validation can promise.
        """
        check_device(folder, options)
        check_fingerprints(folder)
        keep_freed_memory()
        if options.backend is not None:
            check_backend(options.backend)
        together = is_ensemble(folder)
        members = member_folders(folder) if together else [folder]
        backend = _choose_backend(folder, members, options)
        pipeline = _pipeline(folder, members, options, backend)
        temperature = measured_temperature(folder, pipeline)
        if temperature is None:
            say(_not_calibrated(folder, pipeline))
        threshold = choose_threshold(
            folder, pipeline, temperature or 1.0, options.abstain_below, options.target_precision
        )
        runs = tuple(load_run(run, options, backend) for run in members)
        return Predictor(
            folder,
            options,
            card=read_card(folder) if together else runs[0].classifiers[0].card,
            runs=runs,
            combination=read_combination(folder) if together else None,
            backend=backend,
            pipeline=pipeline,
            temperature=temperature or 1.0,
            is_calibrated=temperature is not None,
            threshold=threshold,
        )

    @property
    def second_look(self) -> SecondLook | None:
        """How uncertain pages are predicted again; None where they are not."""
        return self.pipeline.second_look

    @property
    def batch_size(self) -> int:
        """The number of pages that fill a batch of every model."""
        return min(run.setup.batch_size for run in self.runs)

    @property
    def preprocessings(self) -> list[tuple[int, str]]:
        """Each ``(image_size, orientation)`` that a model takes; members of an ensemble may differ."""
        return preprocessings_of(classifier.card for run in self.runs for classifier in run.classifiers)

    @property
    def uses_text(self) -> bool:
        """Whether the words of a page are fused with its image."""
        return self.pipeline.text

    def prepare(self, pixels: np.ndarray, text: str | None = None) -> DecodedPage:
        """Preprocess a page, (H, W, 3) uint8 RGB or (H, W) grey, upright, for every model; threads may call it.

        Where the run uses words, they are ``text``, the user's own text of the page, or read from the pixels.
        """
        page = prepared(pixels, self.preprocessings)
        return replace(page, words=self._reader(pixels, text)) if self.uses_text else page

    @cached_property
    def _reader(self) -> PixelReader:
        return PixelReader(reading_settings(self._text_config))

    def read_words(self, pages: Sequence[Page], texts: Mapping[str, str]) -> list[PageWords] | None:
        """Return the words of pages, given the user's own texts by ID; None where the run does not use words."""
        return find_words(self._text_config, pages, texts) if self.uses_text else None

    @cached_property
    def _text_config(self) -> Config:
        """The configuration that says how words are found: that of the run, or of those members that use words."""
        members = member_folders(self.folder) if self.combination is not None else [self.folder]
        configs = [member.read_config() for member in members if member.fusion_file.is_file()]
        if len({(config.text, *config.ocr_languages) for config in configs}) > 1:
            raise UserError(
                f"{self.folder.path}: its members find their words in different ways (text, ocr_languages); combine "
                "members that find them alike, or predict with --no-text."
            )
        return configs[0]

    def word_evidence(self, page: DecodedPage, label: int) -> np.ndarray | None:
        """Return what each word of a page adds to the logit of one of the predictor's classes, float64 (num_words,).

        In an ensemble it is the first member that uses words; None where no words are used.
        """
        run = next((run for run in self.runs if run.text is not None), None)
        if run is None or run.text is None or page.words is None:
            return None
        return evidence_of_words(run.text.model, page.words.words, run.columns(self.card.class_names)[label])

    def predict(self, pages: Sequence[Page | DecodedPage], words: Sequence[PageWords] | None = None) -> PredictedPages:
        """Predict pages whose images can be decoded, or have been (``prepare``).

        Args:
            pages: The pages.
            words: Their words (``read_words``), where the run uses them; decoded pages bring their own.
        """
        if self.uses_text and words is None:
            words = [(page.words if isinstance(page, DecodedPage) else None) or NO_WORDS for page in pages]
        names = self.card.class_names
        rows = [run.predict(pages, words)[:, run.columns(names)] for run in self.runs]
        first = rows[0] if self.combination is None else self.combination(np.stack(rows)).astype(np.float32)
        look = self.second_look
        if look is None:
            return PredictedPages(first, first)
        indices = np.flatnonzero(look.uncertain(first))
        final = first.copy()
        if len(indices):
            run = self.runs[0]
            again = predict_run(run.classifiers, [pages[int(index)] for index in indices], run.setup, look.views)
            final[indices] = look.combined(first[indices], again)
        return PredictedPages(first, final, len(indices))

    def probabilities(self, pages: Sequence[Page | DecodedPage]) -> np.ndarray:
        """Predict pages and calibrate the result, float32 (N, num_classes)."""
        return self.calibrated(self.predict(pages).final)

    def calibrated(self, probabilities: np.ndarray) -> np.ndarray:
        """Calibrate probabilities, float32 (N, num_classes); the most probable class stays the same."""
        return calibrate(probabilities, self.temperature)


def _not_calibrated(folder: RunFolder, pipeline: Pipeline) -> str:
    if not judges_its_predictions(folder):
        return MEAN_NOT_JUDGED
    reason = f"confidence: not calibrated, because validation did not measure this pipeline ({pipeline})."
    return f"{reason} {remedy(folder, pipeline)}"


def _pipeline(folder: RunFolder, members: Sequence[RunFolder], options: PredictOptions, backend: str) -> Pipeline:
    """Describe what predicts. An ensemble takes no second look."""
    validated, look = validated_pipeline(folder), None
    chosen = None if validated.models == ENSEMBLE else folder.read_results("second_look").second_look
    if chosen and (chosen.used if options.second_look is None else options.second_look):
        look = SecondLook(chosen.gate, chosen.blend, chosen.views)
    views = tuple(_views(run, options) for run in members)
    precision = backend if backend.endswith(INT8) else FULL
    text = validated.text and options.text is not False
    return replace(validated, views=views, second_look=look, precision=precision, text=text)


def check_device(folder: RunFolder, options: PredictOptions) -> None:
    """Check that the device of a prediction is there, before pages are listed or weights are read.

    Raises:
        UserError: It is not there, or there is no such device.
    """
    if options.device is not None and options.device not in DEVICES:
        raise UserError(f"device: {options.device!r} is not allowed; should be auto, cpu, cuda or mps.")
    for run in member_folders(folder) if is_ensemble(folder) else [folder]:
        choose_device(options.device or run.read_config().device)


def _choose_backend(folder: RunFolder, members: Sequence[RunFolder], options: PredictOptions) -> str:
    """Return the backend that is asked for, is ready, or is the fastest.

    One in eight bits must have been measured, so that its confidence is known.
    """
    models = models_of(members)
    if options.backend is None:
        return ready_engine(models, _setup(members[0], options)) or "torch"
    if options.backend != "auto":
        return options.backend
    exports = [
        name
        for name in common_exports(models)
        if not name.endswith(INT8) or held_out(folder, _pipeline(folder, members, options, name)) is not None
    ]
    return fastest_backend(models[0], exports, _setup(members[0], options))


def prepare_for(folder: RunFolder, options: PredictOptions, num_pages: int, sample: Callable[[], Pages]) -> None:
    """Prepare an engine for a run that is to predict many pages, unless a backend is named or one is ready.

    Args:
        folder: A run or an ensemble.
        options: The options of the prediction.
        num_pages: Number of pages that will be predicted.
        sample: Gives some of them, on which the engine is compared with torch; called only if one is made.
    """
    if options.backend is not None:
        return
    check_fingerprints(folder)
    keep_freed_memory()
    members = member_folders(folder) if is_ensemble(folder) else [folder]
    passes = [(model, num_pages * len(_views(run, options))) for run in members for model in run.folds or [run]]
    setup = _setup(members[0], options)
    if is_worth_preparing(passes, setup) and (pages := sample()):
        prepare_engine(models_of(members), pages, setup)


def load_run(run: RunFolder, options: PredictOptions = AS_THE_RUN, backend: str = "torch") -> LoadedRun:
    """Load the model of a run, or those of all its folds, with the views and the setup that predict pages."""
    text = None if options.text is False else TextSide.load(run)
    return LoadedRun(load_members(run, backend), _views(run, options), _setup(run, options), text)


def _views(run: RunFolder, options: PredictOptions) -> tuple[str, ...]:
    if options.tta is None:
        return tuple(read_card(run).tta_views)
    return tuple(run.read_config().tta_views) if options.tta else ("identity",)


def _setup(run: RunFolder, options: PredictOptions) -> InferenceSetup:
    config = run.read_config()
    device = choose_device(options.device or config.device)
    return InferenceSetup(
        device,
        options.batch_size or _batch_size(run, config),
        choose_workers(config.num_workers, device),
        inference_precision(choose_precision(config.mixed_precision, device), device),
    )


def _batch_size(run: RunFolder, config: Config) -> int:
    """Return the batch size that the run validated with: the configured one, or what its training found."""
    if isinstance(config.val_batch_size, int):
        return config.val_batch_size
    size = (run.read_manifest().get("effective") or {}).get("val_batch_size")
    return size if isinstance(size, int) and size > 0 else USUAL_BATCH
