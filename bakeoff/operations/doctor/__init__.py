"""What `bakeoff doctor` and `/health` look at, part by part."""
