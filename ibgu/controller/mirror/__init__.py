"""Holds the hub in memory, kept up to date by watches."""
