"""Trainings: what a contract of kind `train` agrees on. Everything follows from signed text."""
