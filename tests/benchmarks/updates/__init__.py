"""Updates to another release: FleetUpdates alone, and one rollout of each kind at once."""
