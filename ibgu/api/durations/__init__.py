"""How long actions took, and how long they usually take."""
