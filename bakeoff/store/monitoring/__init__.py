"""What a monitor counts."""
