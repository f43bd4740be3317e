"""What batch work costs: collect → model → analyse → render. Nothing here knows Pulumi."""
