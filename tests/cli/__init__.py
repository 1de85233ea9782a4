"""Tests of the command line, as real processes against a local server."""
