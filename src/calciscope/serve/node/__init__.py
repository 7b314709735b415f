"""A DICOM node: studies arrive from a PACS, are assessed, and the results go back."""
