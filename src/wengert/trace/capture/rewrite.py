"""The statements of a function, rewritten so that assignments and calls go through `operators`; names in the text stay as they are.

This much every traced run needs. Knows Python's syntax; `stage` adds control flow. Start at `Rewriter`.
"""

from __future__ import annotations

import ast
from typing import Any

from wengert.trace.capture import scope

RUNTIME = "__wengert__"  # what the rewritten text calls

# Calls that look at the frame they are made from, or need no looking at.
_LEFT = frozenset({"super", "locals", "globals", "vars", "dir", "eval", "exec", "isinstance_", "type", "id", "callable", "hasattr"})

_OPERATORS = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.MatMult: "matmul",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "xor",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
}
_UNARY = {ast.USub: "negative", ast.UAdd: "positive", ast.Invert: "inverted"}
_COMPARISONS = {ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne"}


def load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def store(name: str) -> ast.Name:
    return ast.Name(name, ast.Store())


def runtime(name: str, *args: Any, **keywords: Any) -> ast.Call:
    """A call of one of the operators."""
    words = [ast.keyword(k, v) for k, v in keywords.items()]
    return ast.Call(ast.Attribute(load(RUNTIME), name, ast.Load()), list(args), words)


def located(node: Any, like: Any) -> Any:
    """The node at the place of another, and its parts too, down to those that have a place."""
    if not hasattr(like, "lineno"):
        return node
    place = {"lineno": like.lineno, "col_offset": like.col_offset, "end_lineno": like.end_lineno, "end_col_offset": like.end_col_offset}
    waiting = [node]
    while waiting:
        part = waiting.pop()
        fields = part.__dict__
        if part._attributes:
            if part is not node and "lineno" in fields:
                continue
            fields.update(place)
        for name in part._fields:
            child = fields.get(name)
            if type(child) is list:
                waiting += [item for item in child if isinstance(item, ast.AST)]
            elif isinstance(child, ast.AST) and (child._fields or child._attributes):
                waiting.append(child)
    return node


# Nodes in which there is nothing to rewrite, unless a visitor says so.
_LEAVES = (ast.Constant, ast.Name, ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.alias)


class Rewriter(ast.NodeTransformer):
    """Rewrites one function.

    `own` are the names that it may assign to, `klass` the class it is written in, `known` are names outside of modules and of Python's
    reductions.
    """

    def __init__(self, klass: str = "", first: str = "", known: frozenset[str] = frozenset()) -> None:
        self.klass, self.first, self.known = klass, first, known
        self.own: set[str] = set()
        self._count = 0
        self._visitors: dict[type, Any] = {}  # class of nodes -> what visits them; None for leaves

    def fresh(self, what: str) -> str:
        self._count += 1
        return f"{RUNTIME[:-2]}_{what}_{self._count}"

    # -- the walk: `ast`'s own looks a visitor up by its name for each node -----------------------------

    def visit(self, node: Any) -> Any:
        kind = type(node)
        try:
            visitor = self._visitors[kind]
        except KeyError:
            plain = None if issubclass(kind, _LEAVES) else self.generic_visit
            visitor = self._visitors[kind] = getattr(self, f"visit_{kind.__name__}", plain) if kind is not ast.Constant else plain
        return node if visitor is None else visitor(node)

    def generic_visit(self, node: Any) -> Any:
        visit = self.visit
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, ast.AST):
                new = visit(value)
                if new is None:
                    delattr(node, field)
                elif new is not value:
                    setattr(node, field, new)
            elif isinstance(value, list) and value:
                items: list[Any] = []
                for item in value:
                    new = visit(item) if isinstance(item, ast.AST) else item
                    if isinstance(new, list):
                        items += new
                    elif new is not None or item is None:
                        items.append(new)
                value[:] = items
        return node

    # -- the function ------------------------------------------------------------------------------

    def function(self, node: Any) -> Any:
        """The whole function, without its decorators."""
        self._enter(node)
        if isinstance(node, ast.Lambda):
            node.body = self.visit(node.body)
            return node
        node.decorator_list = []
        node.returns = None
        for a in ast.walk(node.args):
            if isinstance(a, ast.arg):
                a.annotation = None
        node.args.defaults = [ast.Constant(None) for _ in node.args.defaults]  # the function is given its own
        node.args.kw_defaults = [None if d is None else ast.Constant(None) for d in node.args.kw_defaults]
        node.body = self.body(node)
        return node

    def _enter(self, node: Any) -> None:
        statements = [node.body] if isinstance(node.body, ast.expr) else node.body
        outside, above = scope.declared(statements)
        self.own = {*scope.parameters(node.args), *scope.bound(statements)} - outside - above

    def _inside(self, outer: Any) -> None:
        """Take over what a function knows from the one around it."""

    def body(self, node: Any) -> list[Any]:
        return self.statements(node.body)

    def statements(self, body: list[Any]) -> list[Any]:
        out: list[Any] = []
        for statement in body:
            new = self.visit(statement)
            out += new if isinstance(new, list) else [new] if new is not None else []
        return out

    def _nested(self, node: Any) -> Any:
        """A function written inside, rewritten in its own scope."""
        plain = any([isinstance(n, (ast.Yield, ast.YieldFrom)) for n in ast.walk(node)])
        inner = (Rewriter if plain else type(self))(self.klass, self.first, self.known - self.own)
        inner._count = self._count + 1000
        inner._enter(node)
        inner._inside(self)
        if isinstance(node, ast.Lambda):
            node.body = inner.visit(node.body)
        else:
            node.body = inner.body(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        node.args.defaults = [self.visit(d) for d in node.args.defaults]
        node.args.kw_defaults = [None if d is None else self.visit(d) for d in node.args.kw_defaults]
        return self._nested(node)

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        node.args.defaults = [self.visit(d) for d in node.args.defaults]
        return self._nested(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        return node

    visit_AsyncFunctionDef = visit_ClassDef

    # -- names ---------------------------------------------------------------------------------------

    def _mangled(self, name: str) -> str:
        if self.klass and name.startswith("__") and not name.endswith("__") and name != RUNTIME:
            return f"_{self.klass.lstrip('_')}{name}"
        return name

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        node.attr = self._mangled(node.attr)
        of_module = isinstance(node.value, ast.Name) and node.value.id in self.known - self.own
        self.generic_visit(node)
        if of_module or not isinstance(node.ctx, ast.Load):
            return node
        return located(runtime("attribute", node.value, ast.Constant(node.attr)), node)

    # -- operators, which the user's classes may answer ----------------------------------------------------

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        self.generic_visit(node)
        if isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant) and not isinstance(node.left.value, str):
            return node
        return located(runtime(f"op_{_OPERATORS[type(node.op)]}", node.left, node.right), node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) or isinstance(node.operand, ast.Constant):
            return node
        return located(runtime(_UNARY[type(node.op)], node.operand), node)

    def visit_Compare(self, node: ast.Compare) -> Any:
        self.generic_visit(node)
        return self.compared(node.left, node.ops[0], node.comparators[0], node) if len(node.ops) == 1 else node

    def compared(self, left: Any, operator: ast.cmpop, right: Any, like: Any) -> Any:
        """One comparison."""
        if isinstance(operator, (ast.Is, ast.IsNot)):
            return located(ast.Compare(left, [operator], [right]), like)
        if isinstance(operator, (ast.In, ast.NotIn)):
            found = runtime("contains", left, right)
            return located(found if isinstance(operator, ast.In) else runtime("not_", found), like)
        return located(runtime(f"op_{_COMPARISONS[type(operator)]}", left, right), like)

    # -- calls ---------------------------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Name) and node.func.id in _LEFT and node.func.id not in self.own:
            if node.func.id == "super" and not node.args:
                node.args = [load("__class__"), load(self.first)]
                return node
            return self.generic_visit(node)
        self.generic_visit(node)
        new = ast.Call(ast.Attribute(load(RUNTIME), "call", ast.Load()), [node.func, *node.args], node.keywords)
        return located(new, node)

    # -- assignments -----------------------------------------------------------------------------------

    def index(self, node: Any) -> Any:
        """An index as an expression: slices by their constructor."""
        if isinstance(node, ast.Slice):
            none = ast.Constant(None)
            return located(runtime("slice_", node.lower or none, node.upper or none, node.step or none), node)
        if isinstance(node, ast.Tuple) and any([isinstance(e, ast.Slice) for e in node.elts]):
            return located(ast.Tuple([self.index(e) for e in node.elts], ast.Load()), node)
        return node

    def put(self, target: Any, value: Any, like: Any) -> list[Any]:
        """`target = value`, where the target is already visited."""
        if isinstance(target, ast.Subscript):
            call = runtime("setitem", _loaded(target.value), self.index(target.slice), value)
            return [located(self._rebound(getattr(target, "place", target.value), call), like)]
        return [located(ast.Assign([target], value), like)]

    def _rebound(self, place: Any, call: ast.Call) -> Any:
        """An update of what a name holds: the name is bound to what comes back, as it may be a traced array in place of a plain one."""
        if isinstance(place, ast.Name) and place.id in self.own:
            call.keywords.append(ast.keyword("own", ast.Constant(True)))
            return ast.Assign([store(place.id)], call)
        return ast.Expr(call)

    def _unpacked(self, target: Any, after: list[Any], like: Any) -> Any:
        """A target of an unpacking whose items and attributes are assigned to afterwards, in order."""
        if isinstance(target, (ast.Tuple, ast.List)):
            target.elts = [self._unpacked(e, after, like) for e in target.elts]
            return target
        if isinstance(target, ast.Starred):
            target.value = self._unpacked(target.value, after, like)
            return target
        if isinstance(target, (ast.Subscript, ast.Attribute)):
            name = self.fresh("item")
            after += self.put(self._target(target), load(name), like)
            return store(name)
        return target

    def _target(self, target: Any) -> Any:
        if isinstance(target, ast.Subscript):
            target.place = target.value  # type: ignore[attr-defined]
            target.value, target.slice = self.visit(target.value), self.visit(target.slice)
            return target
        if isinstance(target, ast.Attribute):
            target.value, target.attr = self.visit(target.value), self._mangled(target.attr)
            return target
        return target

    def visit_Assign(self, node: ast.Assign) -> Any:
        node.value = self.visit(node.value)
        if len(node.targets) == 1 and not isinstance(node.targets[0], (ast.Tuple, ast.List)):
            return self.put(self._target(node.targets[0]), node.value, node)
        if all([isinstance(t, ast.Name) for t in node.targets]):
            return node
        name = self.fresh("value")
        out: list[Any] = [located(ast.Assign([store(name)], node.value), node)]
        for target in node.targets:
            if isinstance(target, (ast.Tuple, ast.List)):
                after: list[Any] = []
                target = self._unpacked(target, after, node)
                out += [located(ast.Assign([target], load(name)), node), *after]
            else:
                out += self.put(self._target(target), load(name), node)
        return out

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return located(ast.Pass(), node)
        return self.visit_Assign(located(ast.Assign([node.target], node.value), node))

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        operator = ast.Constant(_OPERATORS[type(node.op)])
        value, target = self.visit(node.value), node.target
        if isinstance(target, ast.Name):
            own = ast.Constant(target.id in self.own)
            new: Any = ast.Assign([store(target.id)], runtime("augment", operator, self.visit(load(target.id)), value, own=own))
        elif isinstance(target, ast.Subscript):
            place = self.visit(target.value)
            call = runtime("augment_item", operator, place, self.index(self.visit(target.slice)), value)
            new = self._rebound(target.value, call)
        else:
            name = ast.Constant(self._mangled(target.attr))
            new = ast.Expr(runtime("augment_attribute", operator, self.visit(target.value), name, value))
        return located(new, node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Any:
        self.generic_visit(node)
        parts: list[Any] = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                spec = part.format_spec or ast.Constant("")
                parts.append(ast.Tuple([part.value, ast.Constant(part.conversion), spec], ast.Load()))
            else:
                parts.append(part)
        return located(runtime("text", *parts), node)

    def visit_For(self, node: ast.For) -> Any:
        node.iter = self.visit(node.iter)
        after: list[Any] = []
        node.target = self._unpacked(node.target, after, node)
        node.body = [*after, *self.statements(node.body)]
        node.orelse = self.statements(node.orelse)
        return node


def _loaded(node: Any) -> Any:
    """The expression of a target, to be read."""
    if hasattr(node, "ctx"):
        node.ctx = ast.Load()
    return node
