"""``python -m codeprimer``: the command line."""

from codeprimer.cli import main

if __name__ == "__main__":
    main()
