"""Simulates the Lifecycle Agent of one cluster: admission, state machine, and its timed scripts."""
