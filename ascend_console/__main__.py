"""`python -m ascend_console` is the same program as `ascend-console`."""

from ascend_console.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
