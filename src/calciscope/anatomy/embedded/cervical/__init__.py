"""The neck: its airway, the thyroid gland, and what lies beside and above it."""
