"""Shadow mode as a process (R20.6): it watches TALM at work, keeps what it sees, writes nothing."""
