"""The tables of the queue.

A row of ``studies`` is one study by the digest of its UID: ``listed`` is how many instances a query told of, ``before``
how many there were when its images were removed, ``version`` counts instances, ``transfer`` brought the last of them,
``owner`` has claimed it until ``lease_until``, and ``claims`` counts how often that happened.
"""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()
about = sa.Table("calciscope_node", METADATA, sa.Column("schema", sa.Integer, nullable=False))
studies = sa.Table(
    "studies", METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, unique=True),
    sa.Column("uid", sa.String(64)),
    sa.Column("listed", sa.Integer, nullable=False, default=0),
    sa.Column("before", sa.Integer, nullable=False, default=0),
    sa.Column("claims", sa.Integer, nullable=False, default=0),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False, default=0),
    sa.Column("bytes", sa.BigInteger, nullable=False, default=0),
    sa.Column("transfer", sa.String(36)),
    sa.Column("last_at", sa.Float, nullable=False),
    sa.Column("owner", sa.String(64)),
    sa.Column("lease_until", sa.Float, nullable=False, default=0.0),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("next_at", sa.Float, nullable=False, default=0.0),
    sa.Column("reason", sa.String(200)),
)  # fmt: skip
instances = sa.Table(
    "instances", METADATA,
    sa.Column("study", sa.Integer, sa.ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
)  # fmt: skip
transfers = sa.Table(
    "transfers", METADATA,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("ended", sa.Boolean, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)  # fmt: skip
objects = sa.Table(
    "objects", METADATA,
    sa.Column("study", sa.Integer, sa.ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, index=True),
    sa.Column("sent", sa.Boolean, nullable=False, default=False),
    sa.Column("refused", sa.String(200)),
)  # fmt: skip
