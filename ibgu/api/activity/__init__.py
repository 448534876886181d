"""What was done to a rollout, and what became of it."""
