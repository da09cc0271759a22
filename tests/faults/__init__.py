"""The faults of model calls, one function each, and the oracle that all of them answer to.

`make faults` runs them at full size and prints a table; the tests here run the same functions with smaller numbers.
"""


def all_cases():
    """Every fault by its number."""
    from faults import answers, clusters, killed, load  # noqa: F401  registers
    from faults.cases import CASES

    return CASES
