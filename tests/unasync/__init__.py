"""The generator of the blocking flavour, and its tests."""
