"""Tests of fal_stream.testing, on real sockets."""
