"""Text, HTML and LaTeX: how each writes names, numbers, operators.

Knows strings only. Start at `Text`.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Sequence

from wengert.viz.notation import FUNCTIONS, INFIX


class Text:
    """Unicode, for terminals."""

    times, beside, minus = " × ", " ", "−"

    def name(self, base: str, index: str, accent: str) -> str:
        """`v̇₋₁`."""
        return f"{_accented(base, accent)}{''.join([_SUBSCRIPTS.get(c, c) for c in index])}"

    def text(self, words: str) -> str:
        """Words and numbers as they are."""
        return words

    def infix(self, name: str, a: str, b: str) -> str:
        symbol = INFIX[name][0]
        return f"{a}/{b}" if symbol == "/" else f"{a} {symbol} {b}"

    def power(self, base: str, exponent: str) -> str:
        raised = [_SUPERSCRIPTS.get(c) for c in exponent]
        return base + "".join(raised) if None not in raised else f"{base}^({exponent})"  # type: ignore[arg-type]

    def prefix(self, name: str, argument: str, atom: bool) -> str:
        word = FUNCTIONS[name][0]
        return f"{word}{'' if word == '√' else ' '}{argument}" if atom else f"{word}({argument})"

    def parentheses(self, inside: str) -> str:
        return f"({inside})"

    def bars(self, inside: str) -> str:
        return f"|{inside}|"

    def call(self, word: str, arguments: Sequence[str], rest: str) -> str:
        return f"{self.text(word)}({', '.join([*arguments, self.text(rest)] if rest else arguments)})"

    def changed(self, base: str, place: str, sign: str, value: str) -> str:
        return f"{base} with [{self.text(place)}] {sign} {value}"

    def placed(self, value: str, place: str) -> str:
        return f"{value} at [{self.text(place)}]"

    def index(self, base: str, places: Sequence[str]) -> str:
        return f"{base}[{', '.join(places)}]"

    def partial(self, above: str, below: str) -> str:
        return f"∂{above}/∂{below}"


class Html(Text):
    """HTML: indices below, names in italics."""

    def name(self, base: str, index: str, accent: str) -> str:
        return f"<i>{html.escape(_accented(base, accent))}</i>" + (f"<sub>{html.escape(index)}</sub>" if index else "")

    def text(self, words: str) -> str:
        return html.escape(words)

    def infix(self, name: str, a: str, b: str) -> str:
        symbol = html.escape(INFIX[name][0])
        return f"{a}/{b}" if symbol == "/" else f"{a} {symbol} {b}"

    def power(self, base: str, exponent: str) -> str:
        return f"{base}<sup>{exponent}</sup>"


class Latex(Text):
    """LaTeX's mathematics."""

    times, beside, minus = r" \times ", r" \, ", "-"

    def name(self, base: str, index: str, accent: str) -> str:
        letter = base if len(base) == 1 else rf"\mathit{{{_escaped(base)}}}"
        letter = {"": letter, "dot": rf"\dot{{{letter}}}", "bar": rf"\bar{{{letter}}}"}[accent]
        return f"{letter}_{{{index.replace('−', '-')}}}" if index else letter

    def text(self, words: str) -> str:
        if all([c in "0123456789.−,[] ∞×…()" for c in words]):
            return words.replace("−", "-").replace("∞", r"\infty").replace("×", r"\times ").replace("…", r"\ldots ")
        return rf"\text{{{_escaped(words)}}}"

    def infix(self, name: str, a: str, b: str) -> str:
        return f"{a}/{b}" if name == "div" else f"{a} {INFIX[name][1]} {b}"

    def power(self, base: str, exponent: str) -> str:
        return f"{base}^{{{exponent}}}"

    def prefix(self, name: str, argument: str, atom: bool) -> str:
        word = FUNCTIONS[name][1]
        return f"{word}{{{argument}}}" if name == "sqrt" else f"{word} {argument}" if atom else rf"{word}\left({argument}\right)"

    def parentheses(self, inside: str) -> str:
        return rf"\left({inside}\right)"

    def call(self, word: str, arguments: Sequence[str], rest: str) -> str:
        inside = [*arguments, rf"\text{{{_escaped(rest)}}}"] if rest else arguments
        return rf"\operatorname{{{_escaped(word)}}}\left({', '.join(inside)}\right)"

    def changed(self, base: str, place: str, sign: str, value: str) -> str:
        return rf"{base} \text{{ with }} [{self.text(place)}] {sign} {value}"

    def placed(self, value: str, place: str) -> str:
        return rf"{value} \text{{ at }} [{self.text(place)}]"

    def partial(self, above: str, below: str) -> str:
        return rf"\frac{{\partial {above}}}{{\partial {below}}}"


def _accented(base: str, accent: str) -> str:
    """A name under a dot or a bar; of a path, the name it begins with. A long name has the dot on its first letter."""
    length = next((i for i, c in enumerate(base) if not (c.isalnum() or c == "_")), len(base))
    name, path = base[:length], base[length:]
    if not accent or not name:
        return base
    if accent == "dot":
        marked = f"{name[0]}\u0307{name[1:]}"
    else:
        marked = f"{name}\u0304" if length == 1 else "".join([f"{c}\u0305" for c in name])
    return unicodedata.normalize("NFC", marked) + path


def _escaped(text: str) -> str:
    """Words inside LaTeX's text."""
    return "".join([_IN_TEXT.get(c, c) for c in text])


_IN_TEXT = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "…": r"\dots{}",
    "×": r"$\times$",
    "−": "-",
    "∞": r"$\infty$",
    "⋮": r"$\vdots$",
}
_SUBSCRIPTS = dict(zip("0123456789−-", "₀₁₂₃₄₅₆₇₈₉₋₋", strict=True))
_SUPERSCRIPTS = dict(zip("0123456789−T.", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ·", strict=True))
