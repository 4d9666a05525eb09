"""Where a buyer's code runs and can hurt nobody, and what is taken out of there."""
