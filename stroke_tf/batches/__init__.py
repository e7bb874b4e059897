"""From cached slices or volumes to batches a network can train on; the same seed gives the same batches.

`pipeline.slice_batches` is the 2-D road, `patches.patch_batches` the 3-D one. Both know only arrays (usually memory
maps), and batch number k is a function of the seed and k alone: a run that stopped after batch 41 goes on with 42.
"""
