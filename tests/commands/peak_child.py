"""Runs a program and prints its peak of memory in kilobytes.

A process begins with its parent's peak as its own, and that of the tests is large: this small one stands between.
"""

import os
import subprocess
import sys

process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
