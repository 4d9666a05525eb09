"""One thin servicer a service: decode, call the domain, encode."""
