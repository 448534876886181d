"""Declares what the REST API returns: one struct per schema of /openapi.json, which a test
compares.

A default is what it means that a server, older than this client, does not send the field. Names
that the server takes from a list (states, causes, reasons) are plain strings: newer servers may
know more of them.
"""
