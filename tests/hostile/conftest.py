"""Property tests use few examples here and thousands in `make torture`; at the end the cases are counted."""

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

TORTURE = bool(os.environ.get("MUNSEO_TORTURE"))
ROOT = Path(__file__).parents[2]
sys.path += [str(ROOT / "tests" / "report"), str(ROOT / "fuzz")]  # fake_run; what the fuzzers open

_QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}
settings.register_profile("few", max_examples=25, derandomize=True, **_QUIET)
settings.register_profile("many", max_examples=1000, **_QUIET)
settings.load_profile("many" if TORTURE else "few")


def pytest_terminal_summary(terminalreporter):
    ended = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())]
    ours = [report for report in ended if report.when == "call" and report.nodeid.startswith("tests/hostile/")]
    properties = sum("test_properties_" in report.nodeid for report in ours)
    tried = [report for report in ours if "test_properties_" not in report.nodeid]
    handled = sum(report.passed for report in tried)
    examples = settings().max_examples
    terminalreporter.write_line(
        f"hostile inputs: {len(tried)} tried, {handled} handled; "
        f"properties: {properties}, each on up to {examples} examples"
    )
