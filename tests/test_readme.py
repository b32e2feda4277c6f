"""The README shows what is printed, byte for byte."""

import re

import pytest

from tests.readme_blocks import BLOCK, README, difference, refreshed


def test_what_the_readme_shows_is_what_is_printed():
    text = README.read_text(encoding="utf-8")
    now = refreshed(text)
    if now != text:
        pytest.fail(
            difference(text, now) + "\n(python -m tests.readme_blocks --update accepts this)",
            pytrace=False,
        )


def test_every_block_of_code_is_run_or_compared():
    text = README.read_text(encoding="utf-8")
    fences = [line for line in text.splitlines() if line.lstrip().startswith("```")]
    kinds = [fence.strip("` ").split()[0] for fence in fences[::2] if fence.strip("` ")]
    assert len(list(BLOCK.finditer(text))) == sum(1 for fence in fences if fence.strip("` "))
    assert set(kinds) <= {"python", "text", "sh"} and kinds.count("python") > 10


def test_gradients_stand_beside_their_functions():
    text = README.read_text(encoding="utf-8")
    gallery = text[text.index("## Gallery") : text.index("## How it works")]
    assert len(re.findall("```python generated", gallery)) >= 8


def test_a_page_that_shows_something_else_is_seen():
    page = "```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n"
    assert refreshed(page) == page.replace("3", "2")


def test_a_gradient_that_changed_is_seen():
    page = (
        "```python\nfrom srcdiff import grad\ndf = grad(lambda x: x * x)\nslope = df(2.0)\n```\n"
        "\n```python generated\nold\n```\n"
    )
    assert "return 2 * x" in refreshed(page)
