"""A dataset in several CSV files of one folder, in the order of their names."""

import pandas as pd


def read(dataset, root):
    return pd.concat([pd.read_csv(file) for file in files(dataset, root)])


def files(dataset, root):
    return sorted((root / dataset.path).glob(dataset.options.get("pattern", "*.csv")))
