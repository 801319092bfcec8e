"""`python -m correo` is the `correo` command."""

from correo.cli import main

main()
