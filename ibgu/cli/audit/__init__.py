"""Implements the commands that read the event log in Postgres: proof and playback."""
