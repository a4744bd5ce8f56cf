"""What is known of datasets: their snapshots, columns and findings."""
