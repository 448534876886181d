"""Serves the REST API: reads Postgres, asks the hub who may see what."""
