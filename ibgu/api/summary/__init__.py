"""All that is under way, in numbers."""
