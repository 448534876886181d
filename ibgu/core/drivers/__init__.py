"""The drivers: each knows what is special to one kind of change of a cluster, and the engine knows
none of it."""
