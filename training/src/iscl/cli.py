"""The command line: `iscl split | simulate | phantom | train | slabs | evaluate | keep | export | golden | em`."""

from __future__ import annotations

import argparse
import importlib
import sys

COMMANDS = {
    "split": "iscl.data.command",
    "simulate": "iscl.simulate.command",
    "phantom": "iscl.phantom.command",
    "train": "iscl.training.command",
    "slabs": "iscl.slabs.command",
    "evaluate": "iscl.evaluation.command",
    "keep": "iscl.export.keep",
    "export": "iscl.export.command",
    "golden": "iscl.export.golden_full",
    "em": "iscl.electron_microscopy.command",
}
"""Each module has `add_parser(subparsers)`, whose parsers set `func`: a function of the parsed arguments that
returns the exit code. They are imported one by one: `iscl train --help` does not wait for matplotlib."""


def main(argv: list[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(prog="iscl", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="|".join(COMMANDS))
    wanted = [argv[0]] if argv and argv[0] in COMMANDS else list(COMMANDS)
    for module in dict.fromkeys(COMMANDS[name] for name in wanted):
        importlib.import_module(module).add_parser(subparsers)
    arguments = parser.parse_args(argv)
    try:
        return arguments.func(arguments)
    except (ValueError, RuntimeError, OSError) as error:
        print(f"iscl {arguments.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"iscl {arguments.command}: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
