"""Maps rows of the journal to bodies of answers."""
