"""The compiler: a function's source becomes IR, passes rewrite it, and it is printed as source.

`compile` is the pipeline, `linear` its first part. Every item can be called by hand: a pass is a
function from IR to IR.
"""

assert __name__ == "srcdiff.transforms", "import this package as srcdiff.transforms"

from srcdiff.transforms.pipeline import (  # noqa: E402
    Compiled,
    NeedsObservation,
    Request,
    compile,
    linear,
)

__all__ = ["Compiled", "NeedsObservation", "Request", "compile", "linear"]
