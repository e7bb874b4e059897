"""Recipes: every setting of a published method, as data."""
