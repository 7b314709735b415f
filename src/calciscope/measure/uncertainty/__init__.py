"""What noise and the grid leave open about a score: noise, intervals, the smallest lesion."""
