"""What the library says of its work: its log, spans of OpenTelemetry, and taps of a response."""
