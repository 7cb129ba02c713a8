"""`python -m acetate` is the `acetate` command."""

from acetate.cli import main

main()
