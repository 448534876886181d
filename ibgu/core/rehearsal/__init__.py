"""Rehearsals: how a rollout is likely to go, from many runs in virtual time."""
