"""Packs of alerts as data: one YAML file a pack, its schema, and the catalogue of those that ship."""
