"""Spans of time: of the rules, of actions on this hub, and of the rate limits."""
