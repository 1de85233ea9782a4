"""What `show()` draws: find it in chunks, lay it out, and draw it in a notebook or a terminal."""
