"""What is built of the project, and what users get of it; `nox -s package` plays it."""
