"""`python -m carteira.cli`, for where the script is not on PATH."""

import sys

from carteira.cli import main

sys.exit(main())
