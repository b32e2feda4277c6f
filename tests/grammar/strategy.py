"""The grammar as a Hypothesis strategy: `@given(programs())` shrinks what fails.

find(programs(), lambda text: "while" in text)       a small program with a loop
"""

from collections.abc import Callable, Iterable

from hypothesis import strategies

from tests.grammar.chance import Drawn
from tests.grammar.module import FEATURES, Grower


@strategies.composite
def programs(draw: Callable, features: Iterable[str] = FEATURES) -> str:
    """The text of a program; every choice in it is drawn from Hypothesis."""
    return Grower(Drawn(draw), frozenset(features)).module()
