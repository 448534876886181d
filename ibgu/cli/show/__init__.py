"""Renders what the commands print: plain text, with colours and bars on a terminal only."""
