"""Texts of others, made safe and short, and spans of time for people."""
