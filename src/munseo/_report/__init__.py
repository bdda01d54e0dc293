"""Reports and plots of runs, and the leaderboard; the room reads run folders and nothing else."""

from munseo._report.contact_sheet import save_sheet
from munseo._report.leaderboard import leaderboard
from munseo._report.report import draw_plots, write_report
from munseo._report.server_scores import record_score

__all__ = ["draw_plots", "leaderboard", "record_score", "save_sheet", "write_report"]
