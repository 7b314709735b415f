"""Every measure of every label of a mask."""
