"""One rollout as a screen shows it, as of one moment."""
