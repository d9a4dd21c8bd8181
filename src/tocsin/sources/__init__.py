"""The world -> batches: one file for each kind of source."""
