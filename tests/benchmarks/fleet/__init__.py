"""A large fleet on the real API server, most of it copies of one cluster that did it for real."""
