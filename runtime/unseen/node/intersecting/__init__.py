"""Runs of intersections: their files, what comes in, what is computed, what goes out."""
