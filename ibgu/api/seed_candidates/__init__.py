"""Clusters that a seed image is to be generated from."""
