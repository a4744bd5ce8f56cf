"""What commands print: tables, live progress, and formats for other programs."""
