"""What an emitted job calls: session, sources, steps, Delta tables, ledger, lineage."""
