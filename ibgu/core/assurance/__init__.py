"""Proofs beside the engine: whether it kept its rules, and what holds after a restore."""
