"""The preflight of a plan, or of clusters by their labels."""
