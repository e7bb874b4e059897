"""Which scans there are, where they lie, and who is trained on and tested on."""
