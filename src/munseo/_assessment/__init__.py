"""Assessment: a finished run is judged again, on its own validation pages or on a labelled test set.

``run_pages.py`` says which pages trained and validated a run, by the content of their files; ``own_validation.py``
measures the validation again, ``pipeline_scores.py`` another pipeline on the same pages. ``test_pages.py`` collects the
labelled pages that may judge a run, and ``evaluator.py`` judges them and writes the evaluation into the run folder.
"""

from munseo._assessment.evaluator import EvaluateOptions, evaluate_pages
from munseo._assessment.own_validation import measure_validation
from munseo._assessment.pipeline_scores import is_other_pipeline, measure_pipeline

__all__ = ["EvaluateOptions", "evaluate_pages", "is_other_pipeline", "measure_pipeline", "measure_validation"]
