"""Many faults of all kinds by one client, and what is left of them."""
