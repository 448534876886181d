"""The members of a rollout's steps."""
