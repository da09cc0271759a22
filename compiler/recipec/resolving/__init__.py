"""Binding names: scopes, values, expressions, rules, and the bodies of items. `recipec.resolve` is the way in."""
