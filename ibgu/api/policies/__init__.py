"""RolloutPolicies: what they allow, and what they hold."""
