"""The durations of actions, and how long they usually take."""
