"""What is special to one kind of change of a cluster; the engine knows none of it."""
