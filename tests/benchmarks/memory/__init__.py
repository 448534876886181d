"""A fleet of any size, with the hub in memory and in virtual time, in one process."""
