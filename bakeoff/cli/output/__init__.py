"""What people and programs see: tables, live progress, formats."""
