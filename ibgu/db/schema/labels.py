"""Declares the labels of ManagedClusters, as the hub's leader saw them last, to find members by."""

from sqlalchemy import Boolean, Column, ForeignKeyConstraint, PrimaryKeyConstraint, Table

from ibgu.db.schema.types import Json, Name, metadata

cluster_labels = Table(
    "cluster_labels",
    metadata,
    Column("hub", Name, nullable=False),
    Column("cluster", Name, nullable=False),
    Column("labels", Json),
    Column("digest", Name, nullable=False),
    Column("there", Boolean, nullable=False),
    PrimaryKeyConstraint("hub", "cluster"),
    ForeignKeyConstraint(["hub"], ["hubs.id"], ondelete="CASCADE"),
)
"""`labels`: null where they are too many to be kept. `digest` tells two sets of labels apart
without reading them. `there`: the ManagedCluster is on the hub."""
