"""Rehearsals of a plan: how it is likely to go, from many runs in virtual time."""
