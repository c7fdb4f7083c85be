"""The entry point: installs the signal handlers before slow imports, then runs the command line."""

import sys

from codeprimer.core.errors import Interrupted
from codeprimer.core.interrupts import StopHandler


def main() -> None:
    """Run the command line and exit."""
    stop = StopHandler()
    stop.install()
    try:
        from codeprimer.commands import app
    except Interrupted as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(error.exit_code) from None
    app.main(stop)


if __name__ == "__main__":
    main()
