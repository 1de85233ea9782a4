"""The tests of fal_stream."""
