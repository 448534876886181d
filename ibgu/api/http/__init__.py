"""HTTP around the routes: server, connections, limits of size and rate, headers, errors, spans."""
