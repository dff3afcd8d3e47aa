"""How fast ladder_np is: against the same network in other frameworks, and against its own matrix products.

    python -m benchmarks.speed [--parts step,settings,inference,memory,import,scaling] [--json FILE] [--picture FILE]

Run from the project's root, with nothing else running. Every contender lives in a process of its own and takes turns
with the others, so that whatever the machine does meanwhile affects all of them; none is timed before its loss and
gradients have been found equal to ours. `__main__` puts the parts together; `turns` and `contender` are the two ends
of the pipe between the process that measures and those that run.
"""

import ladder_np  # noqa: F401 - before NumPy, as a user would: it may prepare what NumPy reads when it is loaded
