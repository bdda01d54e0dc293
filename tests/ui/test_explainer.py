"""The views of a page as the model alone predicts them: the run's temperature is that of the whole pipeline."""

import numpy as np
import pytest

from munseo._data import decode, load_pages
from munseo._prediction.inference import predict_run
from munseo._prediction.tta import VIEWS
from munseo._ui.explainer import Explainer


@pytest.fixture(scope="module")
def explainer(finished):
    return Explainer(finished)


def test_single_views_are_not_scaled_by_the_temperature_of_the_pipeline(explainer, documents):
    page = load_pages(documents).train[0]
    assert explainer.predictor.temperature != 1
    views = {view.name: view for view in explainer.views(explainer.square(decode(page.path)))}
    assert list(views) == list(VIEWS)
    run = explainer.predictor.runs[0]
    for name in ("identity", "rotate_90", "deskewed"):
        [alone] = predict_run(run.classifiers, [page], run.setup, (name,))
        assert np.allclose(views[name].probabilities, alone, atol=1e-6)
    assert {name for name, view in views.items() if view.averaged} == set(run.views)
