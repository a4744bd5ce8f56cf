"""What pages show, as plain data: no markup, no request."""
