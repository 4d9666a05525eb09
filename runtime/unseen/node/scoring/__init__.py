"""Runs of encrypted scoring: what comes in, the job, what goes out."""
