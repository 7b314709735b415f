"""Two dates of one patient: registration, matching and change. Like the pipeline, a door that knows the stages."""
