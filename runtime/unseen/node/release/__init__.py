"""The release gate: what a job's result has to pass before anything of it leaves the node."""
