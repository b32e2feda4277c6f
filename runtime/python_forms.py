"""Python's own functions on iterables, as loops: what the compiler writes out where it sees them.

    functools.reduce(f, x, 1.0)    →    total = 1.0
                                        for item in x:
                                            total = f(total, item)

Each is given what can be indexed and has a length: arrays, lists, tuples, ranges. What is known of
them (their length, the items of a tuple) is known in here too.
"""

# mypy: no-check-untyped-defs


def mapped_one(f, items):
    """`list(map(f, items))`"""
    return [f(item) for item in items]


def starred(f, rows):
    """`list(itertools.starmap(f, rows))`"""
    return [f(*row) for row in rows]


def filtered(f, items):
    """`list(filter(f, items))`"""
    return [item for item in items if f(item)]


def filtered_true(items):
    """`list(filter(None, items))`"""
    return [item for item in items if item]


def filtered_out(f, items):
    """`list(itertools.filterfalse(f, items))`"""
    return [item for item in items if not f(item)]


def selected(items, flags):
    """`list(itertools.compress(items, flags))`"""
    return [item for item, flag in zip(items, flags) if flag]


def lists_of_rows(x):
    """`x.tolist()`"""
    return [row.tolist() for row in x]


def reduced(f, items):
    """`functools.reduce(f, items)`

    >>> reduced(lambda a, b: 10 * a + b, [1, 2, 3])
    123
    """
    total = items[0]
    for i in range(1, len(items)):
        total = f(total, items[i])
    return total


def reduced_from(f, items, total):
    """`functools.reduce(f, items, total)`"""
    for item in items:
        total = f(total, item)
    return total


def accumulated(items, f):
    """`list(itertools.accumulate(items, f))` of at least one item

    >>> accumulated([1, 2, 3], lambda a, b: 10 * a + b)
    [1, 12, 123]
    """
    total = items[0]
    totals = [total]
    for i in range(1, len(items)):
        total = f(total, items[i])
        totals.append(total)
    return totals


def accumulated_from(items, f, total):
    """`list(itertools.accumulate(items, f, initial=total))`"""
    totals = [total]
    for item in items:
        total = f(total, item)
        totals.append(total)
    return totals


def taken(f, items):
    """`list(itertools.takewhile(f, items))`"""
    found = []
    for item in items:
        if not f(item):
            break
        found.append(item)
    return found


def dropped(f, items):
    """`list(itertools.dropwhile(f, items))`"""
    found = []
    dropping = True
    for item in items:
        if dropping and f(item):
            continue
        dropping = False
        found.append(item)
    return found


def greater(a, b):
    """`max(a, b)`

    >>> greater(1, 1.0), greater(1, 2.0)
    (1, 2.0)
    """
    return b if b > a else a


def lesser(a, b):
    """`min(a, b)`"""
    return b if b < a else a


def greatest(items, key):
    """`max(items, key=key)`: the first of those that are greatest

    >>> greatest([1, -3, 3], abs)
    -3
    """
    best = items[0]
    size = key(best)
    for i in range(1, len(items)):
        item = items[i]
        other = key(item)
        if other > size:
            best = item
            size = other
    return best


def least(items, key):
    """`min(items, key=key)`"""
    best = items[0]
    size = key(best)
    for i in range(1, len(items)):
        item = items[i]
        other = key(item)
        if other < size:
            best = item
            size = other
    return best


def arranged(items, order):
    """The items in the order of a list of indices."""
    return [items[i] for i in order]


def chained(*parts):
    """`list(itertools.chain(…))`"""
    found = []
    for part in parts:
        for item in part:
            found.append(item)
    return found


def pushed(items, item, most):
    """`items.append(item)` of `collections.deque(maxlen=most)`, for a list"""
    items.append(item)
    if len(items) > most:
        items.pop(0)


def first(items, default):
    """`next(iter(items), default)`"""
    if len(items) > 0:
        return items[0]
    return default


def greatest_or(items, key, default):
    """`max(items, key=key, default=default)`"""
    if len(items) == 0:
        return default
    return greatest(items, key)


def least_or(items, key, default):
    """`min(items, key=key, default=default)`"""
    if len(items) == 0:
        return default
    return least(items, key)


def itself(item):
    """The key of what is compared as it is."""
    return item


def listed(items):
    """`list(items)` of any iterable"""
    return [item for item in items]


def flattened(rows):
    """`list(itertools.chain.from_iterable(rows))`"""
    found = []
    for row in rows:
        for item in row:
            found.append(item)
    return found


def summed(items, start):
    """`sum(items, start)`

    >>> summed([2, 3], 1)
    6
    """
    for item in items:
        start = start + item
    return start
