"""Reporting: the log of streams, spans of OpenTelemetry, and taps of a response."""
