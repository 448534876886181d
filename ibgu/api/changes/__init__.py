"""Changes of a rollout that a person asks for, made on the hub."""
