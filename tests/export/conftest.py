"""A run that is exported once in every form; tests copy what they damage."""

import shutil

import pytest

from munseo import export
from munseo._run import open_run


@pytest.fixture(scope="session")
def exports(finished, tmp_path_factory):
    """The finished run with both exports in full precision and both in INT8 (whatever INT8 costs so small a model)."""
    run = tmp_path_factory.mktemp("exports") / finished.name
    shutil.copytree(finished.path, run)
    for form in ("onnx", "openvino"):
        export(run, form, quiet=True)
        export(run, form, int8=True, max_loss=1.0, quiet=True)
    return open_run(run)


@pytest.fixture
def own_exports(exports, tmp_path):
    """A copy that a test may damage."""
    return open_run(shutil.copytree(exports.path, tmp_path / "runs" / exports.name))
