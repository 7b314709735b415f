"""The templates of the pages: one way to load and fill them."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined


def environment() -> Environment:
    """Templates of ``report/templates``: everything is escaped, and a name that is missing is an error."""
    return Environment(
        loader=PackageLoader("calciscope.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
