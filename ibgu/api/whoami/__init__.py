"""Who asks, and which hub answers."""
