"""The run folder: its name, its files, its manifest, and the leaderboard of many."""

from munseo.run.folder import METRICS, RunFolder, open_run
from munseo.run.naming import make_folder, run_name

__all__ = ["METRICS", "RunFolder", "make_folder", "open_run", "run_name"]
