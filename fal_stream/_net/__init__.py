"""The seam to the network: the only code that is written twice by hand, once for each flavour."""
