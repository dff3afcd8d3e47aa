"""``python -m ladder_np``: the same as the console script ``ladder-np``."""

import sys

from ladder_np.commands import main

sys.exit(main())
