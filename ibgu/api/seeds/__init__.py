"""Seed images: the catalogue, and what became of the clusters that they were brought to."""
