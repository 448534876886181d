"""The REST API under load, from processes of their own."""
