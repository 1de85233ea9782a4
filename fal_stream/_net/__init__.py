"""Network, threads and event loops: what differs by flavour is written by hand here, in pairs."""
