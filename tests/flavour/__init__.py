"""What only one of the flavours has: cancellation and event loops, signals and threads."""
