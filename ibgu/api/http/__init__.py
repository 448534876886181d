"""HTTP below the routes: the server, its connections, headers, sizes, measures and spans."""
