"""Reports and pictures of runs, the leaderboard, and the server's scores; reads run folders and nothing else."""

from munseo._report.leaderboard import leaderboard
from munseo._report.plots import draw_plots, save_sheet
from munseo._report.report_files import write_report
from munseo._report.scores import record_score

__all__ = ["draw_plots", "leaderboard", "record_score", "save_sheet", "write_report"]
