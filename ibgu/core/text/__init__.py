"""Texts of others, made safe and short; spans of time and the order of names for people."""
