"""The compiler: recipe text to a checked plan to a PySpark script."""

__version__ = "0.1.0"
