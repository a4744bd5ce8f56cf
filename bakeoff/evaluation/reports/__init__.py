"""Reports of a run: its leaderboard, and which models are saved."""
