"""The README's code blocks, executed in order: what the page shows is what is printed.

python -m tests.readme_blocks              compares
python -m tests.readme_blocks --update     writes what is printed into the page

```python                executed; all blocks share their names
```python model.py       the same, under this file name in messages
```text                  what the block above it printed
```python generated      the source that the gradient `df` has now
"""

import contextlib
import difflib
import io
import linecache
import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
BLOCK = re.compile(r"^```(?P<info>[^\n`]+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


def refreshed(text: str) -> str:
    """The page with every printed block as it comes out now.

    >>> page = "```python\\nprint(1 + 1)\\n```\\n```text\\n3\\n```\\n"
    >>> print(refreshed(page).splitlines()[-2])
    2
    """
    names: dict = {"__name__": "readme"}
    printed, number = "", 0

    def fresh(block: re.Match) -> str:
        nonlocal printed, number
        kind, *rest = block["info"].split()
        body = block["body"]
        if kind == "text":
            body = printed
        elif kind == "python" and rest == ["generated"]:
            body = names["df"].source.rstrip() + "\n"
        elif kind == "python":
            number += 1
            printed = executed(body, rest[0] if rest else f"<README, block {number}>", names)
        return f"```{block['info']}\n{body}```"

    return BLOCK.sub(fresh, text)


def executed(code: str, filename: str, names: dict) -> str:
    """Run a block as a file of its own, whose source can be found; what it prints."""
    lines = code.splitlines(keepends=True)
    linecache.cache[filename] = (len(code), None, lines, filename)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, filename, "exec"), names)
    return out.getvalue()


def main() -> None:
    old = README.read_text(encoding="utf-8")
    new = refreshed(old)
    if "--update" in sys.argv[1:]:
        README.write_text(new, encoding="utf-8")
    elif old != new:
        sys.exit(difference(old, new))


def difference(old: str, new: str) -> str:
    """What changed, as a unified diff."""
    lines = old.splitlines(), new.splitlines()
    return "\n".join(difflib.unified_diff(*lines, "README.md", "printed now", lineterm=""))


if __name__ == "__main__":
    main()
