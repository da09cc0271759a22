"""Operators over Arrow columns: Arrow arrays in, Arrow arrays out."""
