"""Engines that run an exported model in the place of torch: ONNX Runtime and OpenVINO."""

from munseo._engines.backends import (
    BACKENDS,
    ENGINES,
    check_backend,
    exported,
    installed,
    load_backend,
    load_engine,
    open_engine,
    works_by_page,
)
from munseo._engines.sidecar import SIDECAR, describe, read_sidecar, weights_sha256

__all__ = [
    "BACKENDS",
    "ENGINES",
    "SIDECAR",
    "check_backend",
    "describe",
    "exported",
    "installed",
    "load_backend",
    "load_engine",
    "open_engine",
    "read_sidecar",
    "weights_sha256",
    "works_by_page",
]
