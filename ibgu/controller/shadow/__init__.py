"""Runs shadow mode as a process (R20.6): it watches TALM at work, records what it sees, writes
nothing."""
