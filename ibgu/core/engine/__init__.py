"""The engine: takes the clusters of a rollout through its steps."""
