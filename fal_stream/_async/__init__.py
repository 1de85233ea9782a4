"""The core, written by hand; `fal_stream._sync` is generated from it."""
