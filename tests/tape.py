"""srcdiff's tape as a gradient to be judged, whether or not the compiler takes the function."""

import warnings
from collections.abc import Callable
from typing import Any

from srcdiff import SrcdiffError
from srcdiff.fallback import OnTape
from srcdiff.signature import Callee, as_wrt
from srcdiff.transforms.parse import find, without_source
from tests.judge import Refused


def value_and_grad_on_tape(f: Callable, wrt: Any = 0, seed: str = "one") -> Callable:
    """`value_and_grad(f, wrt)` on the tape."""

    def judged(*args: Any, **kwargs: Any) -> Any:
        try:
            callee = Callee(find(f))
        except SrcdiffError:
            callee = Callee(without_source(f))
        each, single = as_wrt(wrt)
        parsed = callee.parsed
        args, kwargs = (*parsed.partial_args, *args), {**parsed.partial_kwargs, **kwargs}
        args, kwargs = callee.complete([str(n) for n in each if n in callee.defaults], args, kwargs)
        entries = callee.entries(each, args, kwargs)
        _, promoted = callee.checked(entries, callee.bind(args, kwargs))
        for entry in promoted:
            place = callee.place_in_call(entry, args)[0]
            if isinstance(place, int):
                args = (*args[:place], float(args[place]), *args[place + 1 :])
            else:
                kwargs = kwargs | {place: float(kwargs[place])}
        return OnTape(callee, entries, single, seed, True, False)(*args, **kwargs)

    return judged


def tape_gradient(f: Callable, wrt: Any) -> Callable:
    """For the judge: what the tape raises of srcdiff's own errors is a refusal."""
    df = value_and_grad_on_tape(f, wrt)

    def judged(*args: Any) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return df(*args)
        except SrcdiffError as error:
            raise Refused(f"{type(error).__name__}: {error}") from error

    return judged
