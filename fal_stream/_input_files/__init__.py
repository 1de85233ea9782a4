"""Files to upload: which objects count as files, their names and types, and reading them."""
