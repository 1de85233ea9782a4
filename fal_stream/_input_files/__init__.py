"""Files that are uploaded: what counts as one, its name and type, and reading it."""
