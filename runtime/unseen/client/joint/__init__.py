"""Joint rounds: one buyer's client relays what several nodes say to each other."""
