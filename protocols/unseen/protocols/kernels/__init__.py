"""Compiled kernels and their portable twins. Needs numpy; with numba, they are fast."""
