"""Faults that both flavours meet alike."""
