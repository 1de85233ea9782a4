"""What is made of mutation testing: see `docs/mutants.md`."""
