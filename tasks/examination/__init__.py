"""What `bakeoff doctor` and `/health` both look at, part by part."""
