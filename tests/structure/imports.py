"""Every import in the package, hidden ones inside functions included, as (module, imported module, line)."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2] / "src" / "wengert"


def module_name(path: Path) -> str:
    """`ir.printer` for src/wengert/ir/printer.py; `` for the package itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by name."""
    return {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def targets(node: ast.AST, here: str, is_package: bool):
    """Absolute names that a node imports."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = ["wengert", *here.split(".")] if here else ["wengert"]
            parts = parts[: len(parts) - node.level + (1 if is_package else 0)]
            base = ".".join([*parts, base] if base else parts)
        for alias in node.names:  # `from wengert import tree` imports a module, `from wengert.tree import leaves` a name of one
            inner = f"{base}.{alias.name}"
            yield inner if inner.removeprefix("wengert.") in modules() and inner.startswith("wengert.") else base
    elif isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in ("import_module", "__import__") and node.args and isinstance(node.args[0], ast.Constant):
            name = str(node.args[0].value)
            yield f"wengert.{here.rsplit('.', 1)[0]}{name}" if name.startswith(".") else name


@cache
def imports() -> list[tuple[str, str, int]]:
    """(module, absolute name of what it imports, line), ours without the `wengert.` in front of the module."""
    found = []
    for name, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for target in targets(node, name, path.name == "__init__.py"):
                found.append((name, target, node.lineno))
    return found


def ours() -> list[tuple[str, str, int]]:
    """The imports of our own modules; both sides without `wengert.`."""
    return [(a, b.removeprefix("wengert").lstrip("."), line) for a, b, line in imports() if b == "wengert" or b.startswith("wengert.")]
