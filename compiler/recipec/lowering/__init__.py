"""Lowering, one kind of item a file; `recipec.lower` puts them together."""
