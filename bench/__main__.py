"""`python -m bench`."""

from bench.run import signals

if __name__ == "__main__":
    signals.leave_at_once()

    from bench.cli import main

    main()
