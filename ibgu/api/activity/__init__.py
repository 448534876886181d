"""The changes of a rollout, and what became of them."""
