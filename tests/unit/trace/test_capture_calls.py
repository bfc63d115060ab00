"""What a function calls: the user's own functions and classes, Python's built-ins, math, NumPy's creators, print; taped and compiled."""

# ruff: noqa: C417, RET504

import dataclasses
import functools
import itertools
import math
import operator

import numpy as np
import pytest

import wengert as wg
from tests.unit.trace import constructs
from tests.unit.trace.test_capture_control import agree
from tests.unit.trace.written import written

X = np.array([0.9, -1.32, 2.1, 0.4])

# -- the user's functions, in all the ways there are --------------------------------------------------------------------------


def helper(v, k=2, *rest, scale=1.0, **others):
    if v > 0:
        return v**k * scale + sum(rest)
    return -v * others.get("other", 3.0)


def recursive(v, n):
    if n == 0:
        return v
    return recursive(v * 0.5 if v > 1 else v + 1, n - 1)


def even(v, n):
    return v if n == 0 else odd(v * 1.1, n - 1)


def odd(v, n):
    return v if n == 0 else even(v + v * v, n - 1)


def decorated(f):
    @functools.wraps(f)
    def wrapper(*args, **kwargs):
        return f(*args, **kwargs) * 2

    return wrapper


@decorated
def with_decorator(v):
    return v**3 if v > 0 else v


class Model:
    rate = 0.5

    def __init__(self, start):
        self.state = start
        self.__secret = 2.0
        self.steps = 0

    def step(self, v):
        if v > 0:
            self.state = self.state + v * self.rate
        else:
            self.state -= v * self.__secret
        self.steps += 1
        return self

    @property
    def doubled(self):
        return self.state * 2 if self.state > 0 else self.state

    @staticmethod
    def square(v):
        return v * v if v > 0 else -v

    @classmethod
    def named(cls, v):
        return cls(v).step(v)

    def __call__(self, v):
        return self.state * v if v < 1 else self.state

    def __getitem__(self, k):
        return self.state * k


class Derived(Model):
    def step(self, v):
        super().step(v)
        self.state *= 1.1
        return self


@dataclasses.dataclass
class Point:
    x: float
    y: float = 2.0

    def norm(self):
        return math.hypot(self.x, self.y)


def calls_with_all_kinds_of_arguments(x):
    a = helper(x[0]) + helper(x[2], 3) + helper(x[2], 2, x[0], 1.0, scale=x[3])
    return a + helper(x[1], other=x[0]) + helper(*[x[2], 3], scale=x[0])


def recursion_on_a_number(x):
    return recursive(x[2], 5) * even(x[0], 4)


def decorators_and_partials(x):
    f = functools.partial(helper, k=3, scale=x[3])
    return with_decorator(x[0]) * with_decorator(x[1]) + f(x[2])


def methods_and_attributes(x):
    m = Model(x[0])
    for v in x:
        m.step(v)
    return m.state * m.steps + m.doubled + Model.square(x[1]) + Model.named(x[2]).state + m(x[3]) + m[2]


def inheritance(x):
    d = Derived(x[0])
    for i in range(3):
        d.step(x[i])
    return d.state


def dataclass(x):
    p = Point(x[0], y=x[1] * 2)
    q = dataclasses.replace(p, x=x[2])
    return p.norm() * q.norm() + Point(3.0).norm()


def closures_and_nonlocal(x):
    total, count = 0.0, 0

    def add(v):
        nonlocal total, count
        if v > 0:
            total = total + v * v
            count += 1

    def maker(k):
        def inner(v):
            return v * k if v < 1 else v + k

        return inner

    for v in x:
        add(v)
    return total * count + maker(x[1])(x[0]) + sum([maker(k)(x[2]) for k in (1, 2)])


def functions_of_other_modules(x):
    return constructs.while_loop(x) * 0.01 + constructs.early_return(x)


def functions_in_containers(x):
    table = {"square": lambda v: v * v, "cube": lambda v: v**3 if v > 0 else v}
    pipeline = [math.sin, np.cos, table["cube"]]
    y = x[0]
    for f in pipeline:
        y = f(y)
    return y + functools.reduce(lambda a, b: a * b if a > 0 else a + b, [x[0], x[2], x[3]]) + table["square"](x[1])


def filtered_generators(x):
    squares = sum(v * v for v in x if v > 0) + sum((a * b for a in x for b in x if a > b if b > -1), 1.0)
    rows = [sum(a * b for a in x if a > b) for b in x]
    best = max(v * 2 for v in x if v < 2) * min(v for v in x if v > 0)
    return squares + rows[1] * rows[3] + best * (any(v > 2 for v in x if v < 3) + 2 * all(v > 0 for v in x if v > -1))


class Interval:
    """Answers to Python's operators by branches on what it holds."""

    def __init__(self, low, high):
        self.low, self.high = (low, high) if low < high else (high, low)

    def __add__(self, other):
        if isinstance(other, Interval):
            return Interval(self.low + other.low, self.high + other.high)
        return Interval(self.low + other, self.high + other)

    __radd__ = __add__

    def __mul__(self, k):
        return Interval(self.low * k, self.high * k) if k > 0 else Interval(self.high * k, self.low * k)

    def __neg__(self):
        return self * -1.0

    def __iadd__(self, other):
        if other > 0:
            self.high = self.high + other
        return self

    def __lt__(self, other):
        return self.high < other.low if self.low > 0 else self.low < other.low

    def __contains__(self, v):
        return self.low <= v <= self.high

    def __getitem__(self, k):
        return self.low if k > 0 else self.high

    def __setitem__(self, k, v):
        if v > 0:
            self.low = v

    def __len__(self):
        return 2

    def __bool__(self):
        return bool(self.high > 0)

    def __abs__(self):
        return self.high if self.high > -self.low else -self.low

    def __float__(self):
        return float(self.high + self.low) / 2 if self.high > 0 else 0.0

    def __iter__(self):
        return iter([self.low, self.high])

    def __getattr__(self, name):
        if name == "width":
            return self.high - self.low if self.high > 0 else -1.0
        raise AttributeError(name)

    @property
    def middle(self):
        return (self.low + self.high) / 2 if self.high > 0 else 0.0

    @middle.setter
    def middle(self, v):
        self.high = 2 * v - self.low if v > 0 else self.high

    @functools.cached_property
    def square(self):
        return self.low**2 if self.low > 0 else self.high**2


def operators_of_classes(x):
    a, b = Interval(x[0], x[1]), Interval(x[2], x[3])
    c = a + b * x[0] + (2.0 + -a) + 1.0
    if a < b and x[3] in a:
        c += x[2]
    c[0] = x[0] * 3
    c.middle = x[2] + 1.37
    c.middle += 1.0
    total = c[1] * 2 + c[-1] + len(c) + abs(b) + float(a) + c.middle * c.square + a.width
    for end in a:
        total = total + end * end
    return total * 2 if b else -total


def classes_in_functions(x):
    class Local:
        def __init__(self, v):
            self.v = v if v > 0 else -v

        def __call__(self, w):
            return self.v * w if w > 0 else self.v

    return Local(x[0])(x[1]) * Local(x[1])(x[2])


def membership_and_keys(x):
    best = max([(1, x[0]), (2, x[1]), (3, x[2])], key=lambda p: p[1] * p[1])
    near = min(x[0], x[2], x[3], key=lambda v: abs(v - 1) if v > 0 else 10.0)
    return best[0] * best[1] + near * (3.0 if x[1] in [x[0], x[1]] else 1.0) + (0.5 if 7.0 in x else x[2])


def map_filter_and_sorted(x):
    a = sum(map(lambda v: v * v if v > 0 else v, x))
    b = list(map(operator.mul, x, x[::-1]))
    c = sorted([x[2], x[0], x[3]], key=lambda v: -v)
    return a + b[0] * b[1] + c[0] - 2 * c[1] + max(x, key=abs) * min(x[0], x[2], 1.5)


def generators(x):
    def squares(n):
        for i in range(n):
            yield x[i] * x[i]

    return sum(squares(4)) + sum(v for v in x) + sum(a * b for a, b in itertools.combinations(x, 2))


def context_managers(x):
    with np.errstate(all="ignore"):
        y = x[0] * 2 if x[0] > 0 else x[1]
    return y


def star_arguments_and_keywords(x):
    def f(*args, **kwargs):
        return args[0] * args[-1] + kwargs["a"] * len(args) * len(kwargs)

    return f(*x, a=x[1], b=2)


def defaults_are_shared(x):
    def f(v, seen=[]):  # noqa: B006
        seen.append(v)
        return sum(seen)

    return f(x[0]) + f(x[1]) * f(x[2])


USERS = [
    f
    for f in list(globals().values())
    if getattr(f, "__code__", None) and f.__code__.co_varnames[:1] == ("x",) and f.__module__ == __name__
]


@pytest.mark.parametrize("f", USERS, ids=lambda f: f.__name__)
def test_users_functions(f):
    agree(f, X)
    agree(f, np.array([1.4, 0.32, 1.1, 0.2]))


# -- Python's functions and math ------------------------------------------------------------------------------------------------

EXPRESSIONS = """
abs(x[1]) + abs(x[0])
min(x[0], x[1]) * max(x[2], x[3], 1.0)
min(x) + max(x) * max([x[0], x[3]]) + min(3, x[2])
sum(x) + sum([x[0], x[1]], 2.0) + sum(x[i] * i for i in range(4))
len(x) * x[0] + len([x[0], x[1]])
float(x[0]) * float("2.5") + float(3)
int(x[2]) * x[0] + int(-x[1]) + int("12") * x[1]
round(x[2]) * x[0] + round(x[0], 1) + round(2.567, 1)
bool(x[0] > 0) * x[1] + (not x[0]) * x[2]
divmod(x[2], 0.8)[1] * x[0] + divmod(7, 2)[0]
pow(x[0], 3) + pow(x[2], 0.5) + pow(2.0, x[1])
all([x[0] > 0, x[1] < 0]) * x[2] + any(v > 2 for v in x) * x[3]
abs(complex(x[0], x[1]))
(lambda a, *b: a * len(b) + b[0])(x[0], x[1], x[2])
[x[0], x[1]][::-1][0] * (x[2], x[3])[1]
dict(a=x[0], b=x[1])["a"] * list((x[2], x[3]))[1] + next(iter(x))
sum(a * b for a, b in zip(x, [1, 2, 3, 4]))
isinstance(x[0], float) * x[0] + isinstance(x, np.ndarray) * x[1] + hasattr(x, "shape") * x[2]
x[0] if x is not None and x[0] is not None else 0.0
math.sin(x[0]) * math.cos(x[1]) + math.tan(x[3])
math.exp(x[0]) + math.log(x[2]) + math.log(x[2], 3) + math.log10(x[0]) + math.log2(x[2]) + math.log1p(x[0]) + math.expm1(x[1])
math.sqrt(x[0]) * math.pi + math.cbrt(x[2])
math.asin(x[0] / 3) + math.acos(x[3] / 2) + math.atan(x[1]) + math.atan2(x[0], x[1])
math.sinh(x[0]) + math.cosh(x[1]) + math.tanh(x[2]) + math.asinh(x[0]) + math.acosh(1 + x[2] ** 2) + math.atanh(x[3] / 2)
math.hypot(x[0], x[1]) + math.dist([x[0], x[1]], [x[2], 0.5])
math.floor(x[2]) * x[0] + math.ceil(x[2]) * x[1] + math.trunc(x[1]) * x[2]
math.fabs(x[1]) + math.copysign(x[0], x[1]) + math.fmod(x[2], 0.8) + math.pow(x[0], 2.5)
math.degrees(x[0]) + math.radians(x[1])
math.erf(x[0]) + math.erfc(x[1]) + math.gamma(x[2]) + math.lgamma(x[0])
math.fsum([x[0], x[1], x[2]]) * math.prod([x[0], x[2]])
math.isnan(x[0]) * 1.0 + math.isfinite(x[1]) * x[1] + math.isinf(x[0])
math.factorial(4) * x[0] + math.comb(5, 2) * x[1] + math.gcd(12, 18) * x[2]
np.sum(np.zeros(3) + x[0]) + np.sum(np.ones((2, 2)) * x[1])
np.sum(np.full((2,), x[0]) ** 2) + np.sum(np.full_like(x, 2.0) * x)
np.sum(np.array([x[0], [x[1]][0], 1.0]) ** 2) + np.sum(np.array([[x[0], 1], [x[2], x[3]]]) ** 2)
np.sum(np.arange(4) * x) + np.sum(np.linspace(0, x[0], 5) ** 2) + np.sum(np.eye(2) * x[1])
np.sum(np.asarray([x[0], x[1]]) ** 2) + np.sum(np.stack([x, x * x])[1]) + np.sum(np.concatenate([x, [1.0, x[0]]]) ** 2)
np.sum(np.zeros_like(x) + x) + np.sum(np.empty_like(x) * 0 + x**2) + np.sum(np.ones_like(x, dtype=int) * x)
np.array(x)[0] * np.copy(x)[1] + np.repeat(x[0], 3)[1] + np.tile(x, 2)[5]
np.where(x > 0, x, -x).sum() + np.select([x > 1, x > 0], [x * 2, x * 3], -x).sum()
np.maximum(x, 0.5).sum() + np.clip(x, -1, 1).sum()
np.float64(x[0]) * np.float64(2) + x[0].item() * 2
x.sum() * x.mean() + x.dot(x) + x.max() + x.argmax() * x[0] + x.tolist()[1] * x[0]
np.apply_along_axis(lambda r: r[0] * r[1] if r[0] > 0 else r[1], 1, x.reshape(2, 2)).sum()
np.fromiter((v * 2 for v in [1.0, 2.0]), float).sum() * x[0]
np.polyval([x[0], x[1], 2.0], x[2]) + np.interp(x[3], [0.0, 1.0, 2.0], [x[0], x[1], x[2]])
np.dot([x[0], x[1]], [1.0, x[2]]) + np.linalg.norm([x[0], x[2]]) + np.outer([x[0], 1.0], x)[0, 1]
np.max([x[0], x[2], 1.0]) + np.mean([x[0], x[1]]) + np.cumsum([x[0], x[1]])[1] + np.prod((x[0], x[2]))
operator.mul(x[0], x[1]) + operator.itemgetter(2)(x) + functools.reduce(operator.add, [x[0], x[1], x[2]])
[x[0], x[1]][int(x[0] > 0)] * (x[0], x[1])[int(x[1] > 0)]
np.sum([v**2 for v in x if True]) + np.sum(x[[0, 2]]) * x[np.argmin(x)] + x[int(x[2]) - 1]
"""


@pytest.mark.parametrize("expression", EXPRESSIONS.strip().split("\n"))
def test_expression(expression):
    agree(written(f"def f(x):\n    return {expression}\n", operator=operator, functools=functools), X, tolerance=2e-6)


def test_kinds_of_results():
    """What Python gives as a number stays one: promotion follows."""
    single = np.array([1.5, 2.5], np.float32)
    for expression in (
        "float(x[0]) * x",
        "math.sqrt(x[0]) * x",
        "int(x[0]) * x",
        "x * len(x)",
        "x + round(x[0])",
        "np.zeros(2, np.float32) + x",
    ):
        f = written(f"f = lambda x: {expression}")
        for got in (wg.jit(f)(single), wg.jvp(f, (single,), (single,))[0]):
            assert got.dtype == f(single).dtype, expression


# -- print and f-strings --------------------------------------------------------------------------------------------------------


def shows(x):
    y = x * 2
    print("y is", y, "and", f"{y:.2f}", 3, sep=" | ", end="!\n")
    if x > 1:
        print(f"large: {x!r}", f"{'text':>6}")
    for i in range(3):
        print(i, x * i)
    return y


def printed(capsys):
    return capsys.readouterr().out


def test_print_taped_and_compiled(capsys):
    native = wg.jit(shows)
    for x in (1.5, 0.5, 2.0):
        shows(x)
        expected = printed(capsys)
        wg.grad(shows)(x)
        assert printed(capsys) == expected
        native(x)
        assert printed(capsys) == expected
    wg.jit(wg.grad(shows))(1.5)
    out = printed(capsys)
    assert out.startswith("y is | 3.0 | and | 3.00 | 3!\nlarge:") and out.count("\n") == 5


def test_print_of_arrays_and_of_nothing_traced(capsys):
    def f(x):
        print("x:", x, x.shape, flush=True)
        print()
        print(*["a", 1], {"k": 2.0}, None)
        return np.sum(x)

    f(np.array([1.0, 2.5]))
    expected = printed(capsys)
    wg.grad(f)(np.array([1.0, 2.5]))
    assert printed(capsys) == expected
    native = wg.jit(f)
    for _ in range(2):
        native(np.array([1.0, 2.5]))
        assert printed(capsys) == expected


def test_a_text_can_be_kept_and_used_later():
    def f(x):
        label = f"value {x:.3f} of {'abc'!r:>7}"
        if x > 10:
            raise ValueError(label + "!")
        return x

    for g in (wg.grad(f), wg.jit(f)):
        g(1.0)
        with pytest.raises(ValueError, match=r"^value 12\.500 of   'abc'!"):
            g(12.5)


def test_a_function_whose_code_or_defaults_are_replaced():
    def helper(x, n=2.0):
        return x * n

    def other(x, n=2.0):
        return x + n

    for transform in (wg.grad, wg.jit):
        helper.__code__, helper.__defaults__ = (lambda x, n: x * n).__code__, (2.0,)
        f = transform(lambda x: helper(x) * x)
        first = float(f(3.0))
        assert first == (12.0 if transform is wg.grad else 18.0)
        helper.__defaults__ = (5.0,)
        assert float(f(3.0)) == (30.0 if transform is wg.grad else 45.0)
        helper.__code__ = other.__code__
        assert float(f(3.0)) == (11.0 if transform is wg.grad else 24.0)
