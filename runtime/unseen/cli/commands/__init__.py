"""The commands, one module a noun: options in, what is printed out."""
