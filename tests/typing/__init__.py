"""What type checkers make of the public names; `nox -s types` asks three of them."""
