"""What `bakeoff doctor` looks at, part by part."""
