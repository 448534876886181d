"""The model of a managed cluster held against the real one: the same scenes, compared by field."""
