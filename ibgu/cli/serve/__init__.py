"""The processes: what each one is made of, and how it begins and ends."""
