"""Runs a notebook like execute.py, and interrupts the kernel when an output first matches what is waited for.

interrupt.py IN.ipynb OUT.ipynb PATTERN

GoNB ends a cell five seconds after an interrupt. So an output of the same kind much later says that the interrupt was lost
on its way, as happens on a machine that is busy; then it is sent again, as a person would.
"""

import asyncio
import re
import sys
import time

import nbformat
from nbclient import NotebookClient

source, target, awaited = sys.argv[1:]


class Interrupter(NotebookClient):
    interruption = None
    sent = 0.0

    def process_message(self, msg, cell, cell_index):
        text = msg["content"].get("data", {}).get("text/plain", "")
        if re.search(awaited, text) and time.monotonic() - self.sent > 15:
            self.sent = time.monotonic()
            self.interruption = asyncio.ensure_future(self.km.interrupt_kernel())
        return super().process_message(msg, cell, cell_index)


notebook = nbformat.read(source, as_version=4)
client = Interrupter(notebook, timeout=600, record_timing=False, allow_errors=True)
client.execute()
nbformat.write(notebook, target)
sys.exit(0 if client.interruption else f"{source}: no output said {awaited!r}")
