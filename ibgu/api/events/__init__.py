"""The history of a rollout, and of a cluster."""
