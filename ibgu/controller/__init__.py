"""Leads a hub: sees it, decides on it, writes the decisions down and then carries them out."""
