"""Combinations of options: all of them, or as few as hold each pair of choices."""
import functools
import itertools


def product(options):
    """`options`: name to choices."""
    return [dict(zip(options, row)) for row in itertools.product(*options.values())]


def pairs_of(row):
    return set(itertools.combinations(sorted(row.items()), 2))


def pairwise(options):
    """Always the row next that has most of the pairs that are missing."""
    rows = product(options)
    missing = set().union(*map(pairs_of, rows))
    chosen = []
    while missing:
        chosen.append(max(rows, key=lambda row: len(pairs_of(row) & missing)))
        missing -= pairs_of(chosen[-1])
    return chosen


def tests_of(function, rows):
    """`function(lab, **row)` for each row, as tests with names."""
    for row in rows:
        test = functools.partial(function, **row)
        test.__name__ = f"{function.__name__} " + " ".join(f"{k}={v}" for k, v in row.items())
        yield test
