"""Keeps what the journal has beside the turns' decisions: labels, old events, durations."""
