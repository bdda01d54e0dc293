"""A run's models as ONNX or OpenVINO files: written, made INT8 on request, compared with torch before they may stay."""

from munseo._export.exporter import FORMATS, Job, export_run, list_jobs, need_packages
from munseo._export.parity import compare

__all__ = ["FORMATS", "Job", "compare", "export_run", "list_jobs", "need_packages"]
