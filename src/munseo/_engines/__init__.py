"""Engines that run an exported model in place of torch: ONNX Runtime and OpenVINO.

This table can be read without importing torch; ``backends`` opens models.
"""

from munseo._engines.engine import BACKENDS, ENGINES, EXPORTS, Engine, check_backend

__all__ = ["BACKENDS", "ENGINES", "EXPORTS", "Engine", "check_backend"]
