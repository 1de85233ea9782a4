"""What both flavours make of a real app."""
