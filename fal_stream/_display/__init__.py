"""What `show()` draws: found in chunks, laid out, and put on a notebook or a terminal."""
