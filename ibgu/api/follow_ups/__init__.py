"""Cancels, rolls back and finalizes clusters of a rollout."""
