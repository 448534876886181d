"""The commands that change a rollout, and the one that tells beforehand what a plan would do."""
