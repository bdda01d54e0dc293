"""The run folder: its name, its files, its manifest, and the lock of the process that works on it."""

from munseo._run.fingerprints import check_fingerprints, fingerprints
from munseo._run.run_folder import METRICS, RunFolder, open_run
from munseo._run.run_lock import claim
from munseo._run.run_name import make_folder, run_name

__all__ = ["METRICS", "RunFolder", "check_fingerprints", "claim", "fingerprints", "make_folder", "open_run", "run_name"]
