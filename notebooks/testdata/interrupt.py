"""Runs a notebook like execute.py, and interrupts the kernel once, when an output says what is waited for.

interrupt.py IN.ipynb OUT.ipynb TEXT
"""

import asyncio
import sys

import nbformat
from nbclient import NotebookClient

source, target, awaited = sys.argv[1:]


class Interrupter(NotebookClient):
    interruption = None

    def process_message(self, msg, cell, cell_index):
        text = msg["content"].get("data", {}).get("text/plain", "")
        if awaited in text and self.interruption is None:
            self.interruption = asyncio.ensure_future(self.km.interrupt_kernel())
        return super().process_message(msg, cell, cell_index)


notebook = nbformat.read(source, as_version=4)
client = Interrupter(notebook, timeout=600, record_timing=False, allow_errors=True)
client.execute()
nbformat.write(notebook, target)
sys.exit(0 if client.interruption else f"{source}: no output said {awaited!r}")
