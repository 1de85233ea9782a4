"""What is made of mutation testing: see `docs/contributing/mutants.md`."""
