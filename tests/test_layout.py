"""The shape of the repository: who imports whom, what is shipped, what the texts may say."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

MAY_IMPORT = {
    "runtime": set(),
    "transforms": {"runtime"},
    "srcdiff": {"runtime", "transforms"},
}
THIRD_PARTY = {
    "runtime": {"numpy", "scipy"},
    "transforms": {"numpy", "gast", "astor"},
    "srcdiff": {"numpy", "scipy"},  # scipy.sparse, when a sparse matrix is asked for
}
# What every pass may import: the IR, its checker, the facts about values, the names, the tree.
SHARED = {
    "ir", "kinds", "names", "syntax", "verify", "references", "activity",
    "abstract", "abstract_core", "abstract_shapes", "abstract_making", "abstract_products",
    "abstract_scipy", "abstract_scipy_linalg", "abstract_scipy_signal",
    "spelling", "undecided", "recording", "list_identity", "copies",
}  # fmt: skip
# What one stage is made of: the specialiser is written in several files and calls the stages before
# it for each helper; emission prints; the pipeline knows the order, and is the only one that does.
STAGES = {
    "specialize": {
        "calls",
        "choices",
        "declared",
        "either",
        "elements",
        "exceptions",
        "contexts",
        "halves",
        "iteration",
        "loops",
        "loose",
        "lower",
        "merging",
        "mutation",
        "nones",
        "objects",
        "outside",
        "parse",
        "patterns",
        "starred",
    },
    "lower": {"patterns"},
    "patterns": {"mutation"},
    "exceptions": {"merging", "mutation"},
    "attempts": {"exceptions", "merging"},
    "generators": {"attempts", "exceptions", "merging"},
    "loose": {"exceptions", "mutation"},
    "contexts": {"exceptions", "generators", "merging"},
    "either": {"mutation"},
    "nones": {"either", "exceptions", "mutation"},
    "merging": {"either", "mutation"},
    "loops": {"either", "halves", "merging", "mutation", "rotations"},
    "rotations": {"merging", "mutation"},
    "library": {"mutation"},
    "logs": {"mutation"},
    "wrappers": {"mutation"},
    "declared": {"linearity", "mutation"},
    "derivatives": {"mutation", "part_derivatives"},
    "part_derivatives": {"mutation"},
    "jacobians": {"mutation"},
    "draws": {"mutation"},
    "mapped": {"mutation"},
    "marked_calls": {"mutation"},
    "solvers": {"declared", "mutation", "stores"},
    "calls": {
        "marked_calls",
        "solvers",
        "wrappers",
        "array_calls",
        "builtin_calls",
        "contexts",
        "containers",
        "declared",
        "derivatives",
        "draws",
        "elements",
        "functional_calls",
        "jacobians",
        "list_elements",
        "library",
        "logs",
        "mapped",
        "iteration",
        "mappings",
        "mutation",
        "number_calls",
        "rows",
        "sequences",
        "stores",
        "objects",
        "outside",
        "part_derivatives",
        "part_views",
        "writers",
    },
    "choices": {"mutation"},
    "memory_order": {"mutation", "strides"},
    "overlap": {"memory_order", "mutation", "strides"},
    "writers": {"mutation", "overlap"},
    "elements": {"writers"},
    "part_views": {"writers"},
    "array_calls": {"mutation", "objects", "writers"},
    "halves": {"lower", "mutation"},
    "builtin_calls": {"mutation"},
    "containers": {"list_elements", "merging", "mutation"},
    "sequences": {"list_elements", "mutation"},
    "rows": {"mutation"},
    "list_elements": {"mutation"},
    "number_calls": {"mutation"},
    "mappings": {"mutation"},
    "functional_calls": {"iteration", "mutation"},
    "iteration": {"mutation"},
    "objects": {"mutation"},
    "outside": {"mutation"},
    "emit": {"phrasing", "printer"},
    # The fallback: what is called, how a tree is made to call it, and one helper of a compiled one.
    "rewrite": {"parse"},
    "taped_calls": {"rewrite"},
    "taped": {"rewrite", "taped_calls", "taped_numpy", "taped_scipy"},
    "__init__": {"pipeline"},
}
ORDER = "pipeline"


def imported(source: str, module: str = "", is_package: bool = False) -> set[str]:
    """Absolute names of what a module imports, late imports included.

    >>> sorted(imported("from srcdiff.runtime import errors, kernels"))
    ['srcdiff.runtime.errors', 'srcdiff.runtime.kernels']
    >>> imported("from . import ir", "srcdiff.transforms.lower")
    {'srcdiff.transforms.ir'}
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = node.level - is_package
                parents = module.split(".")[: -up or None]
                base = ".".join([*parents, base] if base else parents)
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def layer(name: str) -> str | None:
    """The layer that a dotted name belongs to, None for what is not srcdiff's."""
    top, *rest = name.split(".")
    if top != "srcdiff":
        return None
    return rest[0] if rest and rest[0] in MAY_IMPORT else "srcdiff"


def wrong_direction(source: str, module: str, is_package: bool = False) -> set[str]:
    """The imports of a module that its layer may not make."""
    home = layer(module)
    assert home is not None
    within = MAY_IMPORT[home] | {home}
    outside = THIRD_PARTY[home] | sys.stdlib_module_names
    return {
        name
        for name in imported(source, module, is_package)
        if (layer(name) not in within if layer(name) else name.split(".")[0] not in outside)
    }


def imported_passes(source: str, module: str) -> set[str]:
    """The imports of a compiler module that are neither its own parts nor shared modules."""
    own = (*module.split("."), "__init__")[2]
    if own == ORDER:
        return set()
    parts = SHARED | STAGES.get(own, set())
    return {
        name
        for name in imported(source, module)
        if layer(name) == "transforms" and (*name.split("."), "")[2] not in parts | {own}
    }


def modules() -> Iterator[tuple[Path, str]]:
    """Each file of the package with its module's name."""
    folders = {"srcdiff": ROOT / "srcdiff"}
    folders |= {f"srcdiff.{name}": ROOT / name for name in ("runtime", "transforms")}
    for package, folder in folders.items():
        for path in sorted(folder.rglob("*.py")):
            inner = path.relative_to(folder).with_suffix("").parts
            if package == "srcdiff" and inner[0] in MAY_IMPORT:
                continue  # through a link, where rglob follows links
            yield path, ".".join([package, *inner]).removesuffix(".__init__")


MODULES = [pytest.param(path, name, id=name) for path, name in modules()]
COMPILER = [
    pytest.param(path, name, id=name)
    for path, name in modules()
    if layer(name) == "transforms" and name != "srcdiff.transforms"
]


@pytest.mark.parametrize("path, name", MODULES)
def test_imports_point_downwards(path, name):
    assert not wrong_direction(path.read_text(), name, path.name == "__init__.py")


@pytest.mark.parametrize(
    "module, source",
    [
        ("srcdiff.runtime.tape", "from srcdiff.transforms.ir import Block"),
        ("srcdiff.runtime.tape", "from srcdiff.transforms import ir"),
        ("srcdiff.runtime.tape", "from srcdiff import transforms"),
        ("srcdiff.runtime.tape", "from ..transforms import ir"),
        ("srcdiff.runtime.tape", "def late():\n    import srcdiff.transforms.ir"),
        ("srcdiff.runtime.tape", "from srcdiff import grad"),
        ("srcdiff.runtime.tape", "import gast"),
        ("srcdiff.transforms.lower", "from srcdiff.api import grad"),
        ("srcdiff.transforms.lower", "import srcdiff"),
        ("srcdiff.api", "from tests.gallery import rnn"),
    ],
)
def test_an_upward_import_is_seen(module, source):
    assert wrong_direction(source, module)


@pytest.mark.parametrize(
    "module, source",
    [
        ("srcdiff.runtime.tape", "from srcdiff.runtime.registry import vjp_rule"),
        ("srcdiff.runtime.tape", "from .registry import vjp_rule"),
        ("srcdiff.transforms.lower", "from srcdiff.runtime import errors"),
        ("srcdiff.api", "import functools, numpy.linalg\nfrom srcdiff import runtime, transforms"),
    ],
)
def test_a_downward_import_is_let_through(module, source):
    assert not wrong_direction(source, module)


def test_a_relative_import_in_a_package_counts_from_the_package():
    source = "from . import rules"
    assert imported(source, "srcdiff.runtime", is_package=True) == {"srcdiff.runtime.rules"}
    assert imported(source, "srcdiff.runtime.tape") == {"srcdiff.runtime.rules"}


@pytest.mark.parametrize("path, name", COMPILER)
def test_no_pass_imports_another(path, name):
    assert not imported_passes(path.read_text(), name)


@pytest.mark.parametrize(
    "source",
    [
        "from srcdiff.transforms.dead_code import dead_code",
        "from srcdiff.transforms import dead_code",
        "from .dead_code import dead_code",
        "import srcdiff.transforms",
    ],
)
def test_a_pass_in_a_pass_is_seen(source):
    assert imported_passes(source, "srcdiff.transforms.fold")


def test_a_pass_may_import_the_ir_and_its_own_parts():
    source = "from srcdiff.transforms.ir import If\nfrom srcdiff.transforms.emit.text import wrap"
    assert not imported_passes(source, "srcdiff.transforms.emit")


@pytest.mark.parametrize("package", ["gast", "astor"])
def test_the_syntax_packages_stay_behind_one_module_each(package):
    users = [
        name
        for path, name in modules()
        if any(found.split(".")[0] == package for found in imported(path.read_text(), name))
    ]
    assert len(users) <= 1


def test_every_package_is_shipped():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = (ROOT / "transforms", ROOT / "runtime")
    inits = [init for folder in folders for init in folder.rglob("__init__.py")]
    found = {".".join(["srcdiff", *init.parent.relative_to(ROOT).parts]) for init in inits}
    assert {"srcdiff"} | found == set(listed)


@pytest.mark.parametrize("name", ["transforms", "runtime"])
def test_the_links_lead_to_the_folders(name):
    assert (ROOT / "srcdiff" / name).readlink() == Path("..", name)


def test_golden_files_are_no_tests():
    # pytest does not look there, see conftest.py
    assert not list((ROOT / "tests" / "golden").rglob("test_*.py"))


MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:work|root|home|tmp|Users)/")


def test_a_path_of_a_machine_is_seen():
    assert MACHINE_PATH.search("see " + "/".join(["", "root", "x.py"]))
    assert not MACHINE_PATH.search("https://example.org/home/x, ~/work/x, tests/root/x")


def test_no_file_names_a_path_of_a_machine():
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: which files are public is not known")
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    guilty = []
    for name in filter(None, names.split("\0")):
        path = ROOT / name
        if path.is_file() and MACHINE_PATH.search(path.read_bytes().decode(errors="replace")):
            guilty.append(name)
    assert not guilty


def test_no_part_of_the_specialiser_hides_a_method_of_another():
    from srcdiff.transforms.specialize import Specializer

    homes: dict[str, str] = {}
    for part in Specializer.__mro__[:-1]:
        for name, member in vars(part).items():
            if callable(member) and not name.startswith("__"):
                assert name not in homes, f"`{name}` of {part.__name__} and of {homes[name]}"
                homes[name] = part.__name__
