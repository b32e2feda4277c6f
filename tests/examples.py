"""Programs for many examples at once, judged: `vmap` is the loop, in shape, dtype and value.

    several(args, wrt)             arguments for three examples, and which of their axes counts them
    looped(f, args, in_axes)       what a plain loop over the examples gives, stacked
    same(found, wanted, …)         whether trees are alike: structure, shapes, dtypes, values
"""

import warnings
from typing import Any

import numpy as np

from srcdiff.trees import children, is_float, private, rebuild

COUNT = 3


def several(args: tuple, wrt: Any) -> tuple[tuple, tuple]:
    """Arguments whose floats, in those of `wrt` that are positions, are different numbers for each
    example, and the axes that count the examples."""
    each = wrt if isinstance(wrt, tuple) else (wrt,)
    given = [many(x) if i in each else (x, None) for i, x in enumerate(args)]
    return tuple(x for x, _ in given), tuple(axes for _, axes in given)


def many(tree: Any, scales: tuple = (1, 0.875, -1.25)) -> tuple[Any, Any]:
    """A tree with the floats of each example, one for each scale, and the axes of these."""
    inner = children(tree)
    if inner is not None:
        parts = [many(part, scales) for _, part in inner]
        axes: Any = [a for _, a in parts]
        if isinstance(tree, dict):
            axes = dict(zip(tree, axes))
        elif not isinstance(tree, (list, tuple)):
            axes = {step[1]: a for (step, _), a in zip(inner, axes)}
        return rebuild(tree, [x for x, _ in parts]), axes
    if not is_float(tree):
        return tree, None
    x = np.asarray(tree)
    return np.stack([x * s for s in np.array(scales).astype(x.dtype)]).astype(x.dtype), 0


def example(tree: Any, axes: Any, i: int) -> Any:
    """The arguments of one example."""
    inner = children(tree)
    if inner is not None and axes is not None:
        if not isinstance(axes, (dict, list, tuple)):
            each = [axes] * len(inner)
        else:
            each = list(axes.values()) if isinstance(axes, dict) else list(axes)
        return rebuild(tree, [example(part, a, i) for (_, part), a in zip(inner, each)])
    return tree if axes is None else np.take(tree, i, axes) if not np.ndim(tree) else tree[
        (slice(None),) * axes + (i,)
    ]  # fmt: skip


def looped(f: Any, args: tuple, in_axes: tuple, count: int = COUNT) -> Any:
    """What a loop over the examples gives."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = [f(*private(tuple(example(x, a, i) for x, a in zip(args, in_axes))))
                 for i in range(count)]  # fmt: skip
    return stack(found)


def stack(found: list) -> Any:
    inner = children(found[0])
    if inner is not None:
        each = [[part for _, part in children(tree) or ()] for tree in found]
        return rebuild(found[0], [stack(list(parts)) for parts in zip(*each, strict=True)])
    return None if found[0] is None else np.stack(found)


def same(found: Any, wanted: Any, rtol: float = 1e-9, where: str = "") -> None:
    """Raise AssertionError where two trees differ."""
    inner, other = children(found), children(wanted)
    if inner is not None or other is not None:
        alike = type(found) is type(wanted) or isinstance(wanted, tuple) and type(found) is tuple
        assert alike, f"{where}: {type(found)}, not {type(wanted)}"
        assert inner is not None and other is not None and len(inner) == len(other), where
        for (step, x), (_, y) in zip(inner, other):
            same(x, y, rtol, f"{where}[{step!r}]")
        return
    if wanted is None:
        assert found is None, where
        return
    x, y = np.asarray(found), np.asarray(wanted)
    assert x.shape == y.shape, f"{where}: shape {x.shape}, not {y.shape}"
    assert x.dtype == y.dtype, f"{where}: {x.dtype}, not {y.dtype}"
    rtol = max(rtol, 1e-4) if y.dtype in ("f4", "c8") else rtol
    np.testing.assert_allclose(x, y, rtol, rtol * 1e-2, err_msg=where)
