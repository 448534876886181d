"""Makes the hub show what the records want: which writes, and what becomes of them."""
