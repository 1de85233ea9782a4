"""Random histories of streams, maps and clients, and what the documentation says of each."""
