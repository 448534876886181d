"""What people are told about a rollout, and what they may change about it."""
