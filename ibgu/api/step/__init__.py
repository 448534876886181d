"""One step as a whole: its grid and its timeline."""
