"""The only place that joins recipes to rooms."""
