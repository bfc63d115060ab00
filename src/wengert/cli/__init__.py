"""The command `wengert`: grad, check, compare, explore, rules, cache, demo. Bad input is one line on stderr and exit status 2.

Knows everything below; nothing knows it. Start at `main`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from wengert.cli.failure import Failure, one_line

_TARGET = "the function: module:function (scipy.optimize:rosen) or file.py:function"
_AT = (
    "the point. One array argument: 1.3,0.7 ; one number: 2.5 ; several arguments: '1.0;2,3' or, by name, --at x=1.0 --at y=2,3 ; "
    "nested: JSON such as '[[1,2],[3,4]]' or '{\"w\": [1,2], \"b\": 0}' ; an array of one element: '1.3,'. A whole number beside other "
    "arguments stays an int and is held constant unless --wrt names it"
)
_DATA = (
    "arguments from a file, FILE or NAME=FILE. .json: an object gives arguments by name, a list one array. .npy: one array; "
    ".npz: arrays by name. .csv: with a header, the columns that are names of parameters go to these, else the whole table is one "
    "array. Beside --at, data are held constant"
)
_EPILOG = "Exit status: 0, 1 if a check failed, 2 for bad input."


class _Parser(argparse.ArgumentParser):
    """argparse whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise Failure(f"{message} (try: {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="wengert", description="Exact derivatives of Python + NumPy functions.", epilog=_EPILOG)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)

    grad = commands.add_parser("grad", help="value and gradient (and Hessian) of a function at a point", epilog=_EPILOG)
    _point(grad)
    grad.add_argument("--order", default="1", metavar="N", help="2 gives the Hessian too")
    grad.add_argument("--json", action="store_true", help="print JSON")

    check = commands.add_parser("check", help="compare a function's derivatives with differences", epilog=_EPILOG)
    _point(check)
    check.add_argument("--order", default="2", metavar="N", help="up to which order (2)")
    check.add_argument("--mode", choices=("forward", "reverse"), action="append", help="one mode only; by default both")

    compare = commands.add_parser("compare", help="numerical, symbolic, forward and reverse derivatives side by side", epilog=_EPILOG)
    _point(compare)
    compare.add_argument("--manual", metavar="TARGET", help="a derivative written by hand, with the arguments of the function")
    compare.add_argument("--compiled", action="store_true", help="also reverse mode as machine code")
    compare.add_argument("--digits", default="50", metavar="N", help="of the reference; 0 for none (50)")
    compare.add_argument("--plot", metavar="FILE", help="save a picture of the errors of differences over their step; for one variable")
    compare.add_argument("--json", action="store_true", help="print JSON")

    explore = commands.add_parser("explore", help="write a page in which the function can be stepped through", epilog=_EPILOG)
    _point(explore)
    explore.add_argument("--out", metavar="FILE", default="explore.html", help="the file to write (explore.html)")
    explore.add_argument("--limit", default="120", metavar="N", help="the largest number of nodes in the graph (120)")

    rules = commands.add_parser("rules", help="every primitive and how it comes by each rule")
    rules.add_argument("name", nargs="?", metavar="NAME", help="one primitive, in full")
    rules.add_argument("--kind", metavar="RULE", help="one rule of all primitives: type, evaluate, jvp, transpose, batch or samples")
    rules.add_argument("--json", action="store_true", help="print JSON")

    cache = commands.add_parser("cache", help="where compiled code is kept on disk, and how much of it there is")
    cache.add_argument("--clear", action="store_true", help="delete it all")

    demo = commands.add_parser("demo", help="fit a GARCH model to stock returns: a plain Python loop, compiled, with exact derivatives")
    demo.add_argument("--plot", metavar="FILE", default="sp500_volatility.png", help="where to save the picture (sp500_volatility.png)")
    return parser


def _point(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET", help=_TARGET)
    parser.add_argument("--at", action="append", default=[], metavar="VALUES", help=_AT)
    parser.add_argument("--data", action="append", default=[], metavar="FILE", help=_DATA)
    parser.add_argument("--wrt", action="append", default=[], metavar="NAME", help="differentiate by this argument only; may be repeated")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; its exit status."""
    try:
        options = _parser().parse_args(_join_negative(sys.argv[1:] if argv is None else argv))
        status: int = _command(options.command)(options)
        return status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except Exception as error:
        print(f"wengert: {one_line(error)}", file=sys.stderr)
        return 2


def _command(name: str) -> Any:
    """Each command in its file, imported when it is asked for."""
    if name in ("grad", "check"):
        from wengert.cli import derive

        return derive.grad if name == "grad" else derive.check
    if name == "compare":
        from wengert.cli.compare import compare

        return compare
    if name == "explore":
        from wengert.cli.explore import explore

        return explore
    if name == "rules":
        from wengert.cli.rules import rules

        return rules
    if name == "cache":
        from wengert.cli.cache import cache

        return cache
    from wengert.cli.demo import demo

    return demo


def _join_negative(argv: Sequence[str]) -> list[str]:
    """`--at -1,2` as `--at=-1,2`: argparse would take the value for an option."""
    out: list[str] = []
    items = iter(argv)
    for item in items:
        if item in ("--at", "--data", "--wrt"):
            value = next(items, None)
            if value is not None and value.startswith("-") and not value.startswith("--"):
                item = f"{item}={value}"
            elif value is not None:
                out.append(item)
                item = value
        out.append(item)
    return out
