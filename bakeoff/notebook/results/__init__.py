"""What comes back from a bake-off: frames, plots, text, and the fitted winner."""
