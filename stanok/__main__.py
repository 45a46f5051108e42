"""`python -m stanok` is the command `stanok`."""

from stanok.cli import main

main()
