"""A run's models as ONNX or OpenVINO files: written, made INT8 on request, compared with torch before they may stay."""

from munseo._export.exporter import FORMATS, MAX_LOSS, Job, export_run, need_packages
from munseo._export.parity import compare

__all__ = ["FORMATS", "MAX_LOSS", "Job", "compare", "export_run", "need_packages"]
