"""Network and event loops: the only code that is written by hand for each flavour."""
