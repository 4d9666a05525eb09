"""Pure cryptographic protocols: no socket, no clock, no disk, no event loop."""
