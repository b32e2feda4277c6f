"""The notebook in `examples/` runs and gives what it shows."""

from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).resolve().parents[1] / "examples" / "autograd.ipynb"
nbformat = pytest.importorskip("nbformat", reason="the notebook needs nbformat")
nbclient = pytest.importorskip("nbclient", reason="the notebook needs nbclient and ipykernel")


def text_of(cell):
    """What a cell has printed and returned, blanks apart: they depend on IPython's version."""
    words = []
    for output in cell.outputs:  # a print may come in several pieces
        assert output.output_type in ("stream", "execute_result"), output
        text = output.text if output.output_type == "stream" else output.data["text/plain"]
        words += text.split()
    return " ".join(words)


def test_each_cell_gives_what_the_notebook_keeps(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(NOTEBOOK.parents[1]))
    kept = nbformat.read(NOTEBOOK, as_version=4)
    run = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(run, timeout=120, kernel_name="python3").execute()
    cells = [(old, new) for old, new in zip(kept.cells, run.cells) if old.cell_type == "code"]
    assert len(cells) > 20 and sum(bool(old.outputs) for old, _ in cells) > 15
    for old, new in cells:
        assert text_of(new) == text_of(old), old.source


def test_each_way_is_shown_beside_the_other():
    cells = [c.source for c in nbformat.read(NOTEBOOK, as_version=4).cells if c.cell_type == "code"]
    recorded = [c for c in cells if "autograd.record(" in c]
    compiled = [c for c in cells if ".source)" in c]
    assert len(recorded) >= 8 and len(compiled) >= 8
