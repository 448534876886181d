"""The caller's name, and the hub that answers."""
