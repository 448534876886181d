"""ibgu beside TALM: the same rollouts, on the same kind of hub, by one command."""
