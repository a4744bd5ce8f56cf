"""The worker of a command or a notebook: it starts when none is there, and leaves when it is idle."""
