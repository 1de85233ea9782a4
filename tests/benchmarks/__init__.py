"""How fast the client is beside others: a server, a process for each contender, figures."""
