"""What the library says of its work to those who run it: its log, and spans of OpenTelemetry."""
