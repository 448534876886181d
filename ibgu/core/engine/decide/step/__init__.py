"""Decides on a step: its members, who of them starts, its clock and its end."""
