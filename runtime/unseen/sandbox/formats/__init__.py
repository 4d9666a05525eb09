"""Files that a buyer's code wrote, read as what a contract declares, for a sandbox of its own.

Pure: bytes in, bytes out, no library beside our own and Python's. What comes out is the value of a
declared shape in as many bytes whatever it says; order, names, metadata, white space, padding and
the low bits of floats have no place in it. `encoding.encoded` is the way in.
"""
