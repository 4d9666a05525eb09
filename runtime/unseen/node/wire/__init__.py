"""Between unseen.v1 messages and domain values: one module a service, nothing else."""
