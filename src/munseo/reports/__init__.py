"""Reports and pictures of runs, the leaderboard, and the server's scores; reads run folders and nothing else."""

from munseo.reports.leaderboard import leaderboard
from munseo.reports.pictures import draw_plots, save_sheet
from munseo.reports.scores import record_score
from munseo.reports.writing import write_report

__all__ = ["draw_plots", "leaderboard", "record_score", "save_sheet", "write_report"]
