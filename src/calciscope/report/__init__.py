"""The reporting stage: an assessment becomes files. Nothing is computed here that is not already in the assessment."""
