"""What commands print: the terminal, tables of model versions and signals, numbers."""
