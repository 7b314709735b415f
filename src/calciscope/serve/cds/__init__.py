"""Decision support in the EHR: a CDS Hooks 2.0 service over the same interpretation as the command line."""

from calciscope.serve.cds.web import Settings, app

__all__ = ["Settings", "app"]
