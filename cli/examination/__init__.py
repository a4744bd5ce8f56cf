"""What `bakeoff doctor` looks at, part by part, beside `tasks.examination`."""
