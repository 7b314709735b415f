"""From a volume to the voxels and islands that a score counts."""
