"""The node's log from outside: exports written, checked from files, heads witnessed."""
