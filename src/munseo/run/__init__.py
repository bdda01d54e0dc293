"""The run folder: its name, its files, its manifest, and the leaderboard of many."""

from munseo.run.claiming import claim
from munseo.run.fingerprints import check_fingerprints, fingerprints
from munseo.run.folder import METRICS, RunFolder, open_run
from munseo.run.naming import make_folder, run_name

__all__ = [
    "METRICS",
    "RunFolder",
    "check_fingerprints",
    "claim",
    "fingerprints",
    "make_folder",
    "open_run",
    "run_name",
]
