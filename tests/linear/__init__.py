"""Whether work is linear in what a server sends: each pattern, and each reader, with its worst."""
