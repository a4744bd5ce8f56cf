"""What is given as candidates, written as data and source: nothing is pickled."""
