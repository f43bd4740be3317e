"""`python3 -m local.setup`: makes this machine ready for `batchyard demo` and the tests."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - an older one is what this is about
    sys.exit(f"set-up needs Python 3.11 or newer, and this is {sys.version.split()[0]}; install it or set PYTHON=…")

from local.setup.run import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
