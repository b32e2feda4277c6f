"""Instances of the user's own classes as containers: which they are, what they hold, a new one.

    class Model: …        attributes(model) → {"w": …, "b": …}
                          instance(Model, {"w": d_w, "b": d_b}) → a Model that holds these
"""

import abc
import copy
import dataclasses
import functools
import os
import sys
import types

LIBRARIES = ("numpy", "scipy", "srcdiff")


@functools.lru_cache(maxsize=4096)
def is_plain(kind):
    """Whether instances of a class are attributes and nothing else, of the user's own choice.

    Not those of a subclass of list, float or the like, of an enum, or of a class that belongs to
    Python or to an installed library.

    >>> is_plain(type("Model", (), {"__module__": "model"})), is_plain(list), is_plain(os.PathLike)
    (True, False, False)
    """
    if not is_of_attributes(kind):
        return False
    root = kind.__module__.split(".")[0]
    if root in LIBRARIES or (root in sys.stdlib_module_names and root != "__main__"):
        return False
    file = getattr(sys.modules.get(kind.__module__), "__file__", None) or ""
    parts = file.split(os.sep)
    return "site-packages" not in parts and "dist-packages" not in parts


def is_plain_object(obj):
    """
    >>> is_plain_object(type("Model", (), {"__module__": "model"})()), is_plain_object(3)
    (True, False)
    """
    return form_of(type(obj)) != ""  # type: ignore[arg-type]


def is_of_attributes(kind):
    """Whether a class and its bases come from `class` statements alone."""
    return (
        all(c is object or c.__flags__ & (1 << 9) for c in kind.__mro__)
        and not issubclass(kind, type | BaseException)
        and (type(kind) in (type, abc.ABCMeta) or type(kind).__module__ == "typing")
    )


def attributes(obj):
    """What an object holds itself: the fields of a dataclass first, then all else.

    >>> attributes(type("Model", (), {"__module__": "model", "__slots__": ("w", "b")})())
    {}
    """
    kind = type(obj)
    if form_of(kind) == "dict":  # type: ignore[arg-type]
        return vars(obj)
    names = dict.fromkeys(f.name for f in dataclasses.fields(obj)) \
        if dataclasses.is_dataclass(kind) else {}  # fmt: skip
    names |= dict.fromkeys(slots(kind))  # type: ignore[arg-type]
    names |= dict.fromkeys(getattr(obj, "__dict__", ()))
    return {name: getattr(obj, name) for name in names if hasattr(obj, name)}


@functools.lru_cache(maxsize=4096)
def form_of(kind):
    """How the instances of a class hold their attributes: "dict", "fields", "" for no container.

    >>> form_of(type("Model", (), {"__module__": "model"})), form_of(list)
    ('dict', '')
    """
    is_dataclass = dataclasses.is_dataclass(kind)
    if not is_dataclass and not is_plain(kind):
        return ""
    return "fields" if is_dataclass or slots(kind) or not kind.__dictoffset__ else "dict"


@functools.lru_cache(maxsize=4096)
def slots(kind):
    """The names of the slots of a class.

    >>> slots(type("Pair", (), {"__slots__": ("a", "b")}))
    ('a', 'b')
    """
    return tuple(
        name for c in reversed(kind.__mro__) for name, found in vars(c).items()
        if isinstance(found, types.MemberDescriptorType)
    )  # fmt: skip


def instance(kind, held):
    """An object that holds these attributes, made without `__init__`.

    >>> vars(instance(type("Model", (), {"__module__": "model"}), {"w": 1.0}))
    {'w': 1.0}
    """
    new = object.__new__(kind)
    for name, value in held.items():
        object.__setattr__(new, name, value)
    return new


def is_made_of(kind, names):
    """Whether it is a dataclass that is made of attributes of these names, and no more.

    >>> Point = dataclasses.make_dataclass("Point", ["x", "y"])
    >>> is_made_of(Point, ["x", "y"]), is_made_of(Point, ["x"])
    (True, False)
    """
    fields = getattr(kind, "__dataclass_fields__", None)
    if fields is None or hasattr(kind, "__post_init__"):
        return False
    code = getattr(kind.__init__, "__code__", None)
    if code is None or not code.co_filename.startswith("<string>"):  # it is of the user's own
        return False
    return list(names) == [f.name for f in fields.values() if f.init]


def parts_of(tree):
    """The class of a container, `tuple` for a list, and what it holds by keys; None for a leaf.

    >>> parts_of([1.0, None]), parts_of({"w": 2.0}), parts_of(3.0)
    ((<class 'tuple'>, {0: 1.0, 1: None}), (<class 'dict'>, {'w': 2.0}), None)
    """
    kind = type(tree)
    if isinstance(tree, dict):
        return dict, tree
    if isinstance(tree, (list, tuple)):
        names = getattr(kind, "_fields", None)
        return (kind, dict(zip(names, tree))) if names else (tuple, dict(enumerate(tree)))
    return (kind, attributes(tree)) if is_plain_object(tree) else None


def rebuild(tree, parts):
    """A container like `tree` that holds `parts`.

    >>> rebuild({"w": 1.0, "b": 2.0}, [3.0, None])
    {'w': 3.0, 'b': None}
    """
    kind = type(tree)
    if isinstance(tree, dict):
        new = {} if kind is dict else copy.copy(tree)
        new.update(zip(tree, parts))
        return new
    if isinstance(tree, list):
        return parts
    if isinstance(tree, tuple):
        return kind._make(parts) if hasattr(kind, "_make") else kind(parts)
    # neither __init__ nor __post_init__: they may refuse None
    return instance(kind, dict(zip(attributes(tree), parts)))
