"""`python -m anchorwatch.cli`: the same as `anchorwatch`."""

import sys

from anchorwatch.cli import main

sys.exit(main())
