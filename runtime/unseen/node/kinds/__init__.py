"""Job kinds: what each may release, what it leaks, and how one request of it is executed."""
