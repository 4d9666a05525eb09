"""Runs of encrypted training, an iteration each: what comes in, the job, what goes out."""
