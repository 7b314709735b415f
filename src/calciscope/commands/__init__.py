"""Commands beside the main job, one module each; ``cli`` registers them."""
