"""Connects ibgu to Kubernetes: everything that it reads from a hub and writes to it.

`client` is the connection, on `connection`; `port` is what the others need of it; `paths`, `decode`
and `errors` are for all of them.
"""
