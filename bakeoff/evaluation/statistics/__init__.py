"""What can be said about scores, and how surely: intervals, comparisons, and the verdict of a run."""
