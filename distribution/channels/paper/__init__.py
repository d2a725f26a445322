"""Print batches: pieces, cover sheet and manifest."""
