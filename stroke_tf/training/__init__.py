"""Losses, phases, the training loop, resuming, and the run card."""
