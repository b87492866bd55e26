"""Runs a notebook with its own kernel and writes it with the outputs: execute.py IN.ipynb OUT.ipynb.

The tests use it. It also brings saved outputs up to date after a change of a notebook. Unlike jupyter
execute, it records no times, and it writes the notebook even if a cell fails.
"""

import os
import sys

import nbformat
from nbclient import NotebookClient

source, target = sys.argv[1:]
notebook = nbformat.read(source, as_version=4)
client = NotebookClient(
    notebook,
    timeout=1800,
    record_timing=False,
    allow_errors=True,
    resources={"metadata": {"path": os.path.dirname(os.path.abspath(source))}},
)
client.execute()
# GoNB names no lexer, without which nbconvert does not colour the code.
notebook.metadata.language_info.pygments_lexer = "go"
nbformat.write(notebook, target)
errors = [
    (cell.id, output.evalue)
    for cell in notebook.cells
    for output in cell.get("outputs", [])
    if output.output_type == "error"
]
for cell_id, text in errors:
    print(f"{source}: cell {cell_id}: {text}", file=sys.stderr)
sys.exit(1 if errors else 0)
