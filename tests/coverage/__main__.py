"""The rows that are not right: `python -m tests.coverage [part of a name …]`.

`python -m tests.coverage --page > docs/functions.md` writes the table of the documentation.
"""

import collections
import sys
import warnings

import numpy as np

from tests.coverage import page, rows

if sys.argv[1:] == ["--page"]:
    print(page(), end="")
    sys.exit()
warnings.simplefilter("ignore")
np.seterr(all="ignore")
counts: collections.Counter = collections.Counter()
for row in rows():
    if len(sys.argv) > 1 and not any(part in row.name for part in sys.argv[1:]):
        continue
    bad = {mode: v for mode, v in row.verdicts().items() if v.outcome != "right"}
    counts["right" if not bad else ", ".join(bad)] += 1
    for mode, verdict in bad.items():
        print(f"{row.name} | {row.program}\n    {mode}: {verdict}", flush=True)
print(dict(counts))
