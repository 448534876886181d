"""The commands that need no fleet of one's own: `simulate` and `demo`."""
