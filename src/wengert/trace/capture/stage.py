"""Control flow as calls: bodies become functions, and `break`, `continue` and `return` become flags.

For runs whose values come later, where a test cannot be asked. Knows Python's syntax. Start at `Stager`.
"""

from __future__ import annotations

import ast
from typing import Any

from wengert.trace.capture import scope
from wengert.trace.capture.rewrite import RUNTIME, Rewriter, load, located, runtime, store
from wengert.trace.capture.source import copied

_BRANCHING = (ast.If, ast.For, ast.While, ast.NamedExpr, ast.IfExp, ast.BoolOp, ast.Compare)
_DONE, _RESULT = f"{RUNTIME[:-2]}_done", f"{RUNTIME[:-2]}_result"


class Stager(Rewriter):
    """Rewrites one function so that its branches and loops can be part of a program."""

    def __init__(self, klass: str = "", first: str = "", known: frozenset[str] = frozenset()) -> None:
        super().__init__(klass, first, known)
        self.outside: set[str] = set()  # declared global
        self.open: set[str] = set()  # names that may not be assigned yet where they are read
        self.flags: list[tuple[str, str]] = []  # of the loops around: break, continue
        self.returns_by_flag = False
        self.above: set[str] = set()  # such names of functions around this one
        self.ahead: list[list[Any]] = []  # functions that a statement needs before it
        self.comprehensions: list[set[str]] = []  # the variables of those around: functions before the statement do not see them

    # -- the function --------------------------------------------------------------------------------

    def _enter(self, node: Any) -> None:
        super()._enter(node)
        if isinstance(node.body, ast.expr):
            return
        self.outside, above = scope.declared(node.body)
        branches = any([isinstance(part, _BRANCHING) for part in scope.here(node.body)])
        self.open = {*scope.bound(node.body)} - {*scope.parameters(node.args), *self.outside, *above} if branches else set()
        self.returns_by_flag = any(["return" in scope.jumps([s]) for s in node.body if not isinstance(s, ast.Return)])

    def _inside(self, outer: Any) -> None:
        self.above = (outer.open | outer.above) - self.own

    def body(self, node: Any) -> list[Any]:
        like = node.body[0]
        text = []
        if isinstance(like, ast.Expr) and isinstance(like.value, ast.Constant) and isinstance(like.value.value, str):
            text = [like]
        start: list[Any] = []
        if self.open:
            undefined = ast.Attribute(load(RUNTIME), "UNDEFINED", ast.Load())
            start.append(ast.Assign([store(n) for n in sorted(self.open)], undefined))
        if self.returns_by_flag:
            start.append(ast.Assign([store(_DONE)], ast.Constant(False)))
            start.append(ast.Assign([store(_RESULT)], ast.Attribute(load(RUNTIME), "UNDEFINED", ast.Load())))
        last = node.body[-1]
        out = [*text, *[located(s, like) for s in start], *self.statements(node.body[len(text) :])]
        if self.returns_by_flag:
            out.append(located(ast.Return(runtime("result", load(_RESULT))), last))
        return out or [located(ast.Pass(), like)]

    # -- containers made here, which no one outside has seen -------------------------------------------

    def _made(self, node: Any) -> Any:
        self.generic_visit(node)
        return located(runtime("made", node), node) if isinstance(getattr(node, "ctx", None), (ast.Load, type(None))) else node

    visit_List = visit_Dict = visit_Set = _made

    def _comprehension(self, node: Any) -> Any:
        self.comprehensions.append({*scope.bound([g.target for g in node.generators])})
        out = self.generic_visit(node) if isinstance(node, ast.GeneratorExp) else self._made(node)
        self.comprehensions.pop()
        return out

    visit_ListComp = visit_DictComp = visit_SetComp = visit_GeneratorExp = _comprehension

    # -- reductions of generators, as the loops that they are ------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> Any:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        generator: Any = node.args[0] if node.args else None
        if name not in self.known - self.own or not isinstance(generator, ast.GeneratorExp) or node.keywords or _binds(generator):
            return super().visit_Call(node)
        last = generator.generators[-1]
        if name in REDUCTIONS and len(node.args) == 1 and last.ifs:
            test: Any = last.ifs[0] if len(last.ifs) == 1 else ast.BoolOp(ast.And(), last.ifs)
            last.ifs = []
            generator.elt = (
                ast.BoolOp(ast.And(), [test, generator.elt])
                if name == "any"
                else ast.BoolOp(ast.Or(), [ast.UnaryOp(ast.Not(), test), generator.elt])
            )
            located(generator, generator)
        if name not in FOLDS or len(node.args) > (2 if name == "sum" else 1) or not self.ahead:
            return super().visit_Call(node)
        fold, items = self.fresh("fold"), self.fresh("items")
        function: Any = ast.parse(FOLDS[name].replace("fold", fold).replace("all_items", items)).body[0]
        (loop,) = [n for n in function.body if isinstance(n, ast.For)]
        step = loop.body
        step[0].value = _put_in(step[0].value, generator.elt)
        for k, part in reversed(list(enumerate(generator.generators))):
            for condition in reversed(part.ifs):
                step = [ast.If(condition, step, [])]
            step = [ast.For(part.target, part.iter if k else load(items), step, [])]
        function.body[function.body.index(loop)] = step[0]
        users = {*ast.walk(generator)}
        for n in ast.walk(function):
            if "lineno" in n._attributes and n not in users:
                ast.copy_location(n, generator)
        used = {n.id for n in users if isinstance(n, ast.Name)}
        around = sorted(used & set().union(*self.comprehensions))
        function.args.args += [located(ast.arg(n), generator) for n in around]
        start = [self.visit(a) for a in node.args[1:]] or ([ast.Constant(0)] if name == "sum" else [])
        over = self.visit(generator.generators[0].iter)
        self.ahead[-1].append(self.visit_FunctionDef(function))
        return located(ast.Call(load(fold), [over, *start, *[load(n) for n in around]], []), node)

    # -- blocks --------------------------------------------------------------------------------------

    def statements(self, body: list[Any]) -> list[Any]:
        """A block. What follows a statement that may jump is done only if it has not."""
        out: list[Any] = []
        for i, statement in enumerate(body):
            if isinstance(statement, ast.Return) and self.returns_by_flag:
                value = self.visit(statement.value) if statement.value is not None else ast.Constant(None)
                out.append(located(ast.Assign([store(_RESULT)], value), statement))
                out.append(located(ast.Assign([store(_DONE)], ast.Constant(True)), statement))
                return out
            if isinstance(statement, (ast.Break, ast.Continue)) and self.flags:
                flag = self.flags[-1][isinstance(statement, ast.Continue)]
                out.append(located(ast.Assign([store(flag)], ast.Constant(True)), statement))
                return out
            jumps = self._jumps(statement)
            rest = body[i + 1 :] if jumps else []
            if jumps and rest and isinstance(statement, ast.If):
                if scope.always_jumps(statement.body) and not scope.always_jumps(statement.orelse):
                    statement.orelse = [*statement.orelse, *rest]
                    return out + self._visited(statement)
                if scope.always_jumps(statement.orelse) and not scope.always_jumps(statement.body):
                    statement.body = [*statement.body, *rest]
                    return out + self._visited(statement)
            out += self._visited(statement)
            if jumps and rest:
                test = runtime("none_of", *[load(self._flag(j)) for j in sorted(jumps)])
                guarded = located(ast.If(test, rest, []), rest[0])
                return out + self._branch(guarded, guarded.test)
        return out

    def _visited(self, statement: Any) -> list[Any]:
        self.ahead.append([])
        new = self.visit(statement)
        return [*self.ahead.pop(), *(new if isinstance(new, list) else [new] if new is not None else [])]

    def _jumps(self, statement: Any) -> set[str]:
        """How control may leave the block at this statement, by flags."""
        found = scope.jumps([statement])
        if not self.returns_by_flag:
            found -= {"return"}
        return found if self.flags else found - {"break", "continue"}

    def _flag(self, jump: str) -> str:
        return _DONE if jump == "return" else self.flags[-1][jump == "continue"]

    def _names(self, parts: list[Any], loop: bool = False) -> list[str]:
        """What a construct hands on: the names bound in it, and flags."""
        names = [*scope.bound(parts), *[n for n in scope.updated(parts) if n in self.own]]
        if self.returns_by_flag and "return" in scope.jumps(parts):
            names += [_DONE, _RESULT]
        if self.flags and not loop:
            here = scope.jumps(parts)
            names += [self.flags[-1][k] for k, jump in enumerate(("break", "continue")) if jump in here]
        return list(dict.fromkeys(names))

    def _def(self, what: str, body: list[Any], names: list[str], like: Any, *arguments: str) -> tuple[str, Any]:
        """A function of a part of the text, that assigns to these names."""
        name = self.fresh(what)
        names = list(dict.fromkeys(names))
        shared = [n for n in names if n not in self.outside]
        outside = [n for n in names if n in self.outside]
        declared: list[Any] = [ast.Nonlocal(shared)] if shared else []
        declared += [ast.Global(outside)] if outside else []
        args = ast.arguments([], [ast.arg(a) for a in arguments], None, [], [], None, [])
        return name, located(ast.FunctionDef(name, args, [*declared, *(body or [ast.Pass()])], []), like)

    def _handing(self, names: list[str], like: Any) -> tuple[list[Any], list[Any]]:
        """The arguments by which a construct reads and sets its names, and what must be defined for them."""
        value = self.fresh("values")
        setter, define = self._def(
            "put", [ast.Assign([ast.Tuple([store(n) for n in names], ast.Store())], load(value))] if names else [], names, like, value
        )
        getter = ast.Lambda(ast.arguments([], [], None, [], [], None, []), ast.Tuple([load(n) for n in names], ast.Load()))
        words = ast.Tuple([ast.Constant(n) for n in names], ast.Load())
        return [getter, load(setter), words], [define]

    # -- branches and loops ----------------------------------------------------------------------------

    def visit_If(self, node: ast.If) -> Any:
        return self._branch(node, self.visit(node.test))

    def _branch(self, node: ast.If, test: Any, more: list[str] | None = None) -> list[Any]:
        names = [*self._names([*node.body, *node.orelse]), *(more or [])]
        names = list(dict.fromkeys(names))
        then, define_then = self._def("then", self.statements(node.body), names, node)
        other, define_other = self._def("else", self.statements(node.orelse), names, node)
        handing, defines = self._handing(names, node)
        call = ast.Expr(runtime("if_", test, load(then), load(other), *handing))
        return [define_then, define_other, *defines, located(call, node)]

    def _loop(self, node: Any, parts: list[Any], last: list[Any] | None = None) -> tuple[list[Any], list[str], list[Any], Any]:
        """What stands before a loop, its names, its body, and how it is asked whether to stop early."""
        here = scope.jumps(node.body)
        flags = (self.fresh("break"), self.fresh("continue"))
        before: list[Any] = []
        self.flags.append(flags)
        names = self._names(parts, loop=True)
        body: list[Any] = []
        stops = []
        if "break" in here:
            before.append(located(ast.Assign([store(flags[0])], ast.Constant(False)), node))
            names.append(flags[0])
            stops.append(load(flags[0]))
        if "continue" in here:
            before.append(located(ast.Assign([store(flags[1])], ast.Constant(False)), node))
            names.append(flags[1])
            body.append(located(ast.Assign([store(flags[1])], ast.Constant(False)), node))
        if self.returns_by_flag and "return" in here:
            stops.append(load(_DONE))
        body += self.statements(node.body)
        if last is not None:  # at the end of every iteration that does not leave the loop
            target = last[0].targets[0].id
            names.append(target)
            unless = ast.If(runtime("none_of", *[load(s.id) for s in stops]), last, [])
            body += self._branch(located(unless, node), unless.test, [target]) if stops else self.statements(last)
        self.flags.pop()
        stop: Any = ast.Constant(None)
        if stops:
            stop = ast.Lambda(ast.arguments([], [], None, [], [], None, []), runtime("any_of", *stops))
        return before, names, body, (flags, stops, stop)

    def _otherwise(self, node: Any, flags: tuple[str, str], stops: list[Any]) -> list[Any]:
        if not node.orelse:
            return []
        if not stops:
            return self.statements(node.orelse)
        guarded = located(ast.If(runtime("none_of", *[load(s.id) for s in stops]), node.orelse, []), node.orelse[0])
        return self._branch(guarded, guarded.test)

    def visit_For(self, node: ast.For) -> Any:
        lists = scope.appended(node.body)
        grown: list[Any] = []
        if lists:
            pairs = [ast.Tuple([self.visit(load(n)), ast.Constant(depth)], ast.Load()) for n, depth in lists.items()]
            grown = [ast.Lambda(ast.arguments([], [], None, [], [], None, []), ast.Tuple(pairs, ast.Load()))]
        over = self.visit(node.iter)
        item = self.fresh("next")
        before, names, body, (flags, stops, stop) = self._loop(node, [node.target, *node.body])
        assign = self.visit_Assign(located(ast.Assign([node.target], load(item)), node))
        run, define = self._def("body", [*(assign if isinstance(assign, list) else [assign]), *body], names, node, item)
        handing, defines = self._handing(names, node)
        call = ast.Expr(runtime("for_", over, load(run), *handing, stop, *grown))
        return [*before, define, *defines, located(call, node), *self._otherwise(node, flags, stops)]

    def visit_While(self, node: ast.While) -> Any:
        last = None
        begin: list[Any] = []
        if scope.bound([node.test]):  # what the test assigns is there in the iteration, and after the last one
            name = self.fresh("holds")
            again = located(ast.Assign([store(name)], copied(node.test)), node)
            begin, last = self._visited(located(ast.Assign([store(name)], node.test), node)), [again]
            self.own.add(name)
            parts = [again, *node.body]
            node.test = located(load(name), node)
        else:
            parts = [node.test, *node.body]
        before, names, body, (flags, stops, stop) = self._loop(node, parts, last)
        before = [*begin, *before]
        self.ahead.append([])
        asked = ast.Return(self.visit(node.test))
        test, define_test = self._def("test", [*self.ahead.pop(), asked], names, node)
        run, define = self._def("body", body, names, node)
        handing, defines = self._handing(names, node)
        call = ast.Expr(runtime("while_", load(test), load(run), *handing, stop))
        return [*before, define_test, define, *defines, located(call, node), *self._otherwise(node, flags, stops)]

    def visit_With(self, node: ast.With) -> Any:
        node.items = [self.visit(i) for i in node.items]
        node.body = self.statements(node.body)
        return node

    def visit_Try(self, node: ast.Try) -> Any:
        if node.handlers:
            node.body = [located(ast.With([ast.withitem(runtime("handling"), None)], node.body), node)]
        for part in ("body", "orelse", "finalbody"):
            setattr(node, part, self.statements(getattr(node, part)))
        for handler in node.handlers:
            handler.body = self.statements(handler.body) or [located(ast.Pass(), handler)]
        node.body = node.body or [located(ast.Pass(), node)]
        return node

    def visit_Match(self, node: ast.Match) -> Any:
        node.subject = self.visit(node.subject)
        for case in node.cases:
            case.body = self.statements(case.body) or [located(ast.Pass(), node)]
        return node

    # -- expressions that branch -------------------------------------------------------------------------

    def _later(self, node: Any) -> Any:
        """A function of an expression that may not be evaluated."""
        names = [n for n in scope.bound([node]) if n in self.own]
        if not names or not self.ahead:
            return ast.Lambda(ast.arguments([], [], None, [], [], None, []), node)
        name, define = self._def("later", [ast.Return(node)], names, node)
        self.ahead[-1].append(define)
        return load(name)

    def _assigning(self, nodes: list[Any]) -> list[Any]:
        """How the variables that parts of an expression assign to are read and set."""
        names = [n for n in scope.bound(nodes) if n in self.own]
        if not names or not self.ahead:
            return []
        handing, defines = self._handing(names, nodes[0])
        self.ahead[-1] += defines
        return handing

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        name = "and_" if isinstance(node.op, ast.And) else "or_"
        handing = self._assigning(node.values[1:])
        values = [self.visit(v) for v in node.values]
        out = values[-1]
        for value in values[-2::-1]:
            out = located(runtime(name, value, self._later(out), *handing), node)
        return out

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        if not isinstance(node.op, ast.Not):
            return super().visit_UnaryOp(node)
        self.generic_visit(node)
        return located(runtime("not_", node.operand), node)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        handing = self._assigning([node.body, node.orelse])
        self.generic_visit(node)
        return located(runtime("choice", node.test, self._later(node.body), self._later(node.orelse), *handing), node)

    def visit_Compare(self, node: ast.Compare) -> Any:
        if len(node.ops) == 1 or _binds(node):
            return super().visit_Compare(node)
        self.generic_visit(node)
        out: Any = None
        left: Any = node.left
        links = []
        for operator, right in zip(node.ops, node.comparators, strict=True):
            if right is not node.comparators[-1]:
                name = self.fresh("middle")
                links.append(self.compared(left, operator, ast.NamedExpr(store(name), right), node))
                left = load(name)
            else:
                links.append(self.compared(left, operator, right, node))
        for link in links[::-1]:
            out = link if out is None else runtime("and_", link, self._later(out))
        return located(out, node)

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load):
            return located(runtime("getitem", node.value, self.index(node.slice)), node)
        return node

    def visit_Name(self, node: ast.Name) -> Any:
        if isinstance(node.ctx, ast.Load) and (node.id in self.open or node.id in self.above):
            return located(runtime("defined", node, ast.Constant(node.id)), node)
        return node

    def visit_Delete(self, node: ast.Delete) -> Any:
        out: list[Any] = []
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id in self.open:
                out.append(located(ast.Assign([store(target.id)], ast.Attribute(load(RUNTIME), "UNDEFINED", ast.Load())), node))
            elif isinstance(target, ast.Subscript):
                out.append(located(ast.Expr(runtime("delitem", self.visit(target.value), self.index(self.visit(target.slice)))), node))
            else:
                out.append(located(ast.Delete([target]), node))
        return out

    def put(self, target: Any, value: Any, like: Any) -> list[Any]:
        if isinstance(target, ast.Attribute):
            return [located(ast.Expr(runtime("assign_attribute", target.value, ast.Constant(target.attr), value)), like)]
        return super().put(target, value, like)

    # -- raising and printing ------------------------------------------------------------------------------

    def visit_Raise(self, node: ast.Raise) -> Any:
        if node.exc is None:
            return node
        self.generic_visit(node)
        return located(ast.Expr(runtime("raise_", node.exc, node.cause or ast.Constant(None))), node)

    def visit_Assert(self, node: ast.Assert) -> Any:
        self.generic_visit(node)
        return located(ast.Expr(runtime("assert_", node.test, self._later(node.msg or ast.Constant(None)))), node)


# What a reduction of a generator does, as a loop over all items: `item` stands for the generator's expression.
FOLDS = {
    "sum": """
def fold(all_items, total):
    for place in all_items:
        total = total + item
    return total
""",
    **{
        name: f"""
def fold(all_items):
    found = False
    for place in all_items:
        value = item
        if not found:
            best = value
            found = True
        elif value {sign} best:
            best = value
    if not found:
        raise ValueError("{name}() iterable argument is empty")
    return best
"""
        for name, sign in (("min", "<"), ("max", ">"))
    },
}
REDUCTIONS = frozenset({"any", "all"})


def _put_in(expression: Any, item: Any) -> Any:
    """The expression with `item` in the place of the name."""
    if isinstance(expression, ast.Name) and expression.id == "item":
        return item
    if isinstance(expression, ast.BinOp):
        expression.right = item
    return expression


def _binds(node: Any) -> bool:
    """Whether the expression assigns, which a function of it could not do for it."""
    return any([isinstance(n, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)) for n in ast.walk(node)])
