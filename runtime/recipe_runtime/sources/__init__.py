"""Sources: what is read, how it is pinned, and how a record becomes a document."""
