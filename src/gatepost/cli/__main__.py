"""`python -m gatepost.cli`, where the `gatepost` script is not on the path."""

from gatepost.cli import main

main()
