"""Reporting: the log of streams, OpenTelemetry spans, and taps of responses."""
