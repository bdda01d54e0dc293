"""The table of engines that can run an exported model in place of torch. An engine is imported only when it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from munseo._errors import UserError
from munseo._packages import missing_packages

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Engine:
    """A program that runs an exported model."""

    name: str  # what ``--format`` and ``--backend`` call it
    package: str  # the Python package that it needs
    # The packages that it needs besides its own to write a network.
    packages_to_write: tuple[str, ...]
    # Writes a torch network for images of S × S pixels into the folder of an export, in the engine's own format.
    write: Callable[[nn.Module, int, Path], None]
    # Does the same with an ONNX file, such as one in eight bits.
    convert: Callable[[Path, Path], None]
    # Opens such a folder as a network that uses a number of threads: normalised images (B, 3, S, S) to logits.
    open: Callable[[Path, int], nn.Module]
    # Whether it computes every image of a batch by itself; if not, each export is measured (batch_bits.py).
    computes_one_by_one: bool
    # Whether INT8 also quantises what layers return, because the engine has no layers that take eight bits and
    # return floats.
    quantises_outputs: bool

    @property
    def is_installed(self) -> bool:
        """Whether the engine's package is installed."""
        return not missing_packages([self.package])


def _write_onnx(network: nn.Module, image_size: int, folder: Path) -> None:
    from munseo._engines.graph import write_onnx
    from munseo._engines.onnx_engine import FILE

    write_onnx(network, image_size, folder / FILE)


def _convert_onnx(graph: Path, folder: Path) -> None:
    from munseo._engines.onnx_engine import FILE

    graph.replace(folder / FILE)


def _open_onnx(folder: Path, num_threads: int) -> nn.Module:
    from munseo._engines.onnx_engine import OnnxEngine

    return OnnxEngine(folder, num_threads)


def _write_openvino(network: nn.Module, image_size: int, folder: Path) -> None:
    from munseo._engines.openvino_engine import write_openvino

    write_openvino(network, image_size, folder)


def _convert_openvino(graph: Path, folder: Path) -> None:
    from munseo._engines.openvino_engine import convert_openvino

    convert_openvino(graph, folder)


def _open_openvino(folder: Path, num_threads: int) -> nn.Module:
    from munseo._engines.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(folder, num_threads)


ENGINES: dict[str, Engine] = {
    engine.name: engine
    for engine in (
        Engine(
            *("onnx", "onnxruntime", ("onnx",), _write_onnx, _convert_onnx, _open_onnx),
            computes_one_by_one=False,
            quantises_outputs=True,
        ),
        Engine(
            *("openvino", "openvino", (), _write_openvino, _convert_openvino, _open_openvino),
            computes_one_by_one=True,
            quantises_outputs=False,
        ),
    )
}
"""Every engine. A new one needs an entry here and a network class; export, INT8, choice of the backend, benchmarks
and the tests read this table."""

FASTEST_FIRST = ("openvino", "onnx")
"""The engines in the order of their speed on processors (docs/benchmarks.md): the first that is installed is used."""
INT8 = "-int8"
"""Suffix of the names of exports in eight bits."""
EXPORTS = tuple(f"{name}{suffix}" for name in ENGINES for suffix in ("", INT8))
"""Names of the exports of a run, which are also the names of their folders."""
BACKENDS = ("torch", *EXPORTS, "auto")
"""The values of ``--backend``."""


def engine_of(export: str) -> Engine:
    """Return the engine of an export, such as ``onnx-int8``."""
    return ENGINES[export.removesuffix(INT8)]


def export_command(run: Path, export: str) -> str:
    """Return the command that makes an export of a run."""
    option = " --int8" if export.endswith(INT8) else ""
    return f"`munseo export {run} --format {engine_of(export).name}{option}`"


def check_backend(backend: str) -> None:
    """Raise ``UserError`` for a name that is no backend."""
    if backend not in BACKENDS:
        raise UserError(f"backend: {backend!r} is not allowed; should be {', '.join(BACKENDS[:-1])} or {BACKENDS[-1]}.")
