"""Handing a node over to a successor, and taking one over. Both with the node stopped."""
