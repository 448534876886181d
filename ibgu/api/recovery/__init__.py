"""The way back of one cluster after a change that failed."""
