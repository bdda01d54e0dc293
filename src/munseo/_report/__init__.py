"""Reports and plots of runs, and the leaderboard; the room reads run folders and nothing else."""

from munseo._report.contact_sheet import save_sheet
from munseo._report.leaderboard import leaderboard
from munseo._report.report import draw_plots, missing_files, remove_files, write_report
from munseo._report.server_scores import record_score

__all__ = [
    "draw_plots",
    "leaderboard",
    "missing_files",
    "record_score",
    "remove_files",
    "save_sheet",
    "write_report",
]
