"""The version of fal_stream."""

__version__ = "0.1.0"
