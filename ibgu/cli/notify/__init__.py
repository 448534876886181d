"""`ibgu notify`."""
