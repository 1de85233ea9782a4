"""Bytes that are made up by a seed, and what must come of them, whatever they are."""
