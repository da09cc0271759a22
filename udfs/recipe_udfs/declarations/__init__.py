"""What the operators of this package say of themselves, by subject. Declares only: no heavy import."""
