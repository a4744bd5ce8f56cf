"""What is known of the candidates of a run, and how surely: verdicts, and what they are computed from."""
