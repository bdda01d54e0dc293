"""Reports and pictures of runs, the leaderboard, and the server's scores; reads run folders and nothing else."""
