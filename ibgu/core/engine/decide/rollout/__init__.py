"""Decides on a rollout: its plan, controls, takeover and quarantine."""
