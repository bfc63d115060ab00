"""Every exception of wengert, and the one builder of its four-part messages.

This room knows nothing of the rest: a message is text. Start reading at the tree.

    WengertError
    ├── UserError                   the program or a call has to change
    │   ├── TraceError (TypeError)          an operation cannot be traced
    │   │   ├── UnknownFunctionError        a NumPy or SciPy function without a rule here
    │   │   ├── CutDerivativeError          float(x) and friends would silently lose the derivative
    │   │   ├── AbstractValueError          a value is asked of something that has only a type
    │   │   │   └── EndlessError            a function calls itself without end while it is traced
    │   │   └── EscapedTracerError          a traced value is used after its trace ended
    │   ├── DerivativeError (TypeError)     what is asked has no derivative
    │   │   ├── NotDifferentiableError      an integer, bool or string argument
    │   │   ├── NonScalarOutputError        grad of something that is not one number
    │   │   └── NoRuleError                 a primitive declares this rule impossible
    │   ├── SpentGraphError (RuntimeError)  a second backward() through what the first has let go
    │   ├── ArgumentError (ValueError)      a bad argument of one of our own functions
    │   ├── ShapeError (ValueError)         shapes or dtypes do not fit
    │   ├── TreeError (ValueError)          two containers differ
    │   ├── IndexOutOfBoundsError (IndexError)
    │   ├── NotANumberError (FloatingPointError)  a NaN appears under config(debug_nans=True)
    │   └── CheckFailed (AssertionError)    check_grads found a wrong derivative
    ├── ContractError (TypeError)   the author of a primitive left something out
    ├── ParseError (SyntaxError-like)
    └── VerificationError           an IR function is malformed: a bug of ours
"""

from __future__ import annotations


class WengertError(Exception):
    """Base of all errors raised by wengert."""


class UserError(WengertError):
    """The program, or the call, has to change."""


class TraceError(UserError, TypeError):
    """An operation cannot be traced."""


class UnknownFunctionError(TraceError):
    """A NumPy or SciPy function for which wengert has no rule."""


class CutDerivativeError(TraceError):
    """The operation would silently cut the derivative."""


class AbstractValueError(TraceError):
    """A concrete value is asked of something of which only the type is known."""


class EndlessError(AbstractValueError):
    """A function calls itself under a test whose value is not known while it is traced."""


class EscapedTracerError(TraceError):
    """A traced value is used after its trace has ended."""


class DerivativeError(UserError, TypeError):
    """What is asked for has no derivative."""


class NotDifferentiableError(DerivativeError):
    """Differentiation with respect to something that is not a real or complex float."""


class NonScalarOutputError(DerivativeError):
    """`grad` of a function that does not return one number."""


class NoRuleError(DerivativeError):
    """A primitive declares that the rule asked for cannot exist."""


class SpentGraphError(UserError, RuntimeError):
    """A second `backward` through operations that the first, without `retain_graph`, has let go."""


class ArgumentError(UserError, ValueError):
    """A bad argument of one of wengert's own functions."""


class ShapeError(UserError, ValueError):
    """Shapes or dtypes do not fit together."""


class TreeError(UserError, ValueError):
    """Two containers differ in structure."""


class IndexOutOfBoundsError(UserError, IndexError):
    """An index lies outside its axis."""


class NotANumberError(UserError, FloatingPointError):
    """An equation made a NaN of operands without one, under `config(debug_nans=True)`."""


class CheckFailed(UserError, AssertionError):
    """A derivative disagrees with its reference."""


class ContractError(WengertError, TypeError):
    """A primitive does not say all that the contract asks for."""


class ParseError(WengertError, ValueError):
    """Text that is not the text form of an IR function."""


class VerificationError(WengertError):
    """A malformed IR function. Always a bug of wengert, or of a primitive's author."""


def four_parts(what: str, which: str = "", why: str = "", instead: str = "", where: object = None) -> str:
    """Lay out an error message: what (and where), which value, why, what to write instead.

    >>> print(four_parts("cannot do it", "x is int64[3]", "Integers have no derivative.", "x.astype(float)", "m.py:4"))
    cannot do it   (m.py:4)
      x is int64[3]
    Integers have no derivative.
    Try: x.astype(float)
    """
    lines = [what if where is None else f"{what}   ({where})"]
    if which:
        lines += ["  " + line for line in which.splitlines()]
    if why:
        lines.append(why)
    if instead:
        lines.append(f"Try: {instead}")
    return "\n".join(lines)
