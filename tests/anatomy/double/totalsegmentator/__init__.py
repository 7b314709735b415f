"""A stand-in for the package TotalSegmentator: its API as of version 2.18, with recorded or drawn answers."""
