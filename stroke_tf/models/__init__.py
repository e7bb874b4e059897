"""The networks: how they are built, where their weights come from, how they are kept, and on what they run."""
