"""Scans as arrays: read to RAS+, checked, normalised inside the brain, and written back on their own grid."""
