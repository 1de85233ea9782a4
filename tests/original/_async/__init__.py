"""Plays scenarios through a client of this package."""
