"""The views: what people see of a rollout, and what they may change about it."""
