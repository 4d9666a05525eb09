"""Stage 2: what a process does to itself, within the sandbox, before it runs a stranger's program.

Each layer is one module, which says what attack it stops. Nothing here imports anything but the
standard library, since the folder is mounted alone into the sandbox; and of that as little as there
is, since every job waits for it: no typing, no dataclasses, no json.
"""
