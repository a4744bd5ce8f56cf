"""Charts and tables as SVG and HTML, made of plain data by plain Python: no numpy, no template, no script."""
