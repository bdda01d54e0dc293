"""A run's models as ONNX or OpenVINO files, optionally INT8, compared with torch before they are kept."""

from munseo._export.exporter import ExportJob, export_run, list_jobs, need_packages
from munseo._prediction.parity import compare

__all__ = ["ExportJob", "compare", "export_run", "list_jobs", "need_packages"]
