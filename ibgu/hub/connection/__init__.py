"""Connects to the hub: where it is, how it is trusted, as whom ibgu asks, and HTTP."""
