"""What a client keeps on disk: its home, keys, certificates, and what it must remember."""
