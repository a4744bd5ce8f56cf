"""What commands print about runs: progress, leaderboard, verdict, failures, formats."""
