"""The command line: `iscl simulate | split | phantom | train | evaluate | export`."""

from __future__ import annotations

import argparse
import importlib
import sys

COMMANDS = {
    "simulate": "iscl.simulate.command",
    "split": "iscl.data.command",
    "phantom": "iscl.phantom.command",
    "train": "iscl.training.command",
    "evaluate": "iscl.evaluation.command",
    "export": "iscl.export.command",
}
"""Each module has `add_parser(subparsers)`, whose parser sets `handler`: a function of the parsed arguments that
returns the exit code. They are imported one by one: `iscl train --help` does not wait for matplotlib."""


def main(argv: list[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="iscl", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="|".join(COMMANDS))
    wanted = [argv[0]] if argv and argv[0] in COMMANDS else list(COMMANDS)
    for name in wanted:
        importlib.import_module(COMMANDS[name]).add_parser(subparsers)
    arguments = parser.parse_args(argv)
    try:
        return arguments.handler(arguments)
    except (ValueError, RuntimeError, FileNotFoundError) as error:
        print(f"iscl {arguments.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"iscl {arguments.command}: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
