"""Property tests look at few examples here and at thousands in `make fuzz` (MUNSEO_HYPOTHESIS=fuzz)."""

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.append(str(Path(__file__).parent.parent / "reports"))  # fake_run

_QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}
settings.register_profile("few", max_examples=25, derandomize=True, **_QUIET)
settings.register_profile("fuzz", max_examples=3000, **_QUIET)
settings.load_profile(os.environ.get("MUNSEO_HYPOTHESIS", "few"))
