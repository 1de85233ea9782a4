"""Aborts in every phase of a stream, from everywhere: what comes of them, and how soon."""
