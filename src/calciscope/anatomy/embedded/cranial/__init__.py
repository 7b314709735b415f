"""The head: its cavity, its plane of symmetry, how it is tilted, and the parts of the brain in that frame."""
