"""`imports.py IMPORT CLIENT`: how long the first takes, and what memory both take; each is a line of Python."""

import os
import sys
import time

statement, client = sys.argv[1:]


def memory() -> int:
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - pathlib would count as memory
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


before, began = memory(), time.monotonic_ns()
exec(statement)
took = time.monotonic_ns() - began
exec(client)
print(took / 1e6, (memory() - before) / 1e6)
