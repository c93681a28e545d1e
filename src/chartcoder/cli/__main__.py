"""`python -m chartcoder.cli`, which is `chartcoder`."""

from chartcoder.cli import main

main()
