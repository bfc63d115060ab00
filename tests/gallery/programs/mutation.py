"""Arrays changed in place: elements, slices, masks, views, and arguments of the caller's."""

import numpy as np

from tests.gallery.registry import normal, program, uniform


@program(normal(1, 6), 1.3, wrt=(0, 1))
def augmented_slices(x, k):
    """Slices that are multiplied, added to and divided."""
    y = x.copy()
    y[::2] *= k
    y[1:4] += y[:3]
    y[-2:] /= 1.0 + k**2
    y[:] -= 0.1 * y.sum()
    return y


@program(normal(2, 7), 0.4, wrt=(0, 1))
def boolean_mask(x, slope):
    """Elements chosen by a mask are changed."""
    y = x.copy()
    mask = y < 0
    y[mask] *= slope
    y[~mask] = slope
    y[y > 0.2] += x[2]
    return y * x


@program(normal(30, 7))
def masked_elements(x):
    """What a mask chooses is taken out, changed and put back."""
    y = x.copy()
    chosen = y[x > 0]
    chosen[0] *= 2.0
    y[x > 0] = np.sqrt(chosen)
    return y * len(chosen)


@program(normal(3, 5), np.array([0, 2, 2, 4]), normal(4, 4), wrt=(0, 2))
def repeated_indices(x, index, values):
    """Integer arrays with repeats: the last assignment stays, and += adds once."""
    y = x.copy()
    y[index] = values
    z = x.copy()
    z[index] += values
    return y * z


@program(normal(5, 5), np.array([0, 3, 3, 1, 3]), normal(6, 5), wrt=(0, 2))
def add_at(x, index, values):
    """np.add.at adds as often as an index is repeated."""
    y = x**2
    np.add.at(y, index, values * x)
    return y


@program(normal(7, 5), normal(8, 5), wrt=(0, 1))
def out_arguments(x, y):
    """Results written where out= says."""
    buffer = np.empty_like(x)
    np.multiply(x, y, out=buffer)
    np.exp(buffer, out=buffer)
    np.add(buffer, x, out=buffer)
    return buffer


@program(normal(9, 6))
def changed_view(x):
    """A view that is changed changes what it is a view of."""
    y = x.copy()
    v = y[1:]
    v *= 2.0
    w = v[::2]
    w += y[0]
    return y


@program(normal(10, 6))
def reshaped_view(x):
    """A reshaped array shares memory: rows written there are seen here."""
    y = x.copy()
    m = y.reshape(2, 3)
    m[0] = m[1] ** 2
    m[:, 1] += 1.5 * y[5]
    return y


@program(normal(11, 3, 4))
def transposed_view(a):
    """Columns written through a transpose."""
    b = a.copy()
    t = b.T
    t[0] *= t[1]
    t[2:, 1] = np.sin(t[:2, 1])
    return b


@program(normal(12, 4, 4))
def diagonals_in_place(a):
    """The diagonal filled, the corner shifted, rows swapped."""
    b = np.array(a)
    np.fill_diagonal(b, b.sum(axis=1))
    b[[0, 2]] = b[[2, 0]]
    b[:2, :2] -= b[2:, 2:]
    return b


@program(normal(13, 5), 0.5, wrt=(0, 1))
def alias(x, k):
    """Two names for one array."""
    a = x * 1.0
    b = a
    for i in range(1, len(b)):
        b[i] += k * a[i - 1]
    a *= b
    return b


def relax(grid, factor):
    """Change a caller's array, return nothing."""
    for i in range(1, len(grid) - 1):
        grid[i] += factor * (grid[i - 1] - 2 * grid[i] + grid[i + 1])


@program(normal(14, 6), 0.3, wrt=(0, 1))
def changed_by_helper(x, factor):
    """A helper that changes the array it is given."""
    grid = x.copy()
    for _ in range(3):
        relax(grid, factor)
    relax(grid[2:], 0.5 * factor)
    return grid


@program(normal(15, 5), 1.7, wrt=(0, 1), mutates=True)
def scale_argument(x, k):
    """The caller's array is scaled."""
    x *= k
    return np.sum(x**2)


@program(normal(16, 5), np.zeros(5), wrt=(0, 1), mutates=True)
def fill_argument(x, out):
    """Results written into an array of the caller's, which also has a value that counts."""
    before = out.sum()
    for i in range(len(x)):
        out[i] += x[i] ** 3
    return before + np.sum(out)


@program(normal(17, 6), 0.5, wrt=(0, 1), mutates=True)
def cumulate_argument(x, decay):
    """A recurrence over the caller's own array."""
    for i in range(1, len(x)):
        x[i] += decay * x[i - 1]
    return x


@program(normal(18, 3, 3), normal(19, 3), wrt=(0, 1), mutates=True)
def eliminate_arguments(a, b):
    """Elimination that destroys its arguments, as old codes do."""
    n = len(b)
    for k in range(n):
        for i in range(k + 1, n):
            factor = a[i, k] / a[k, k]
            a[i] -= factor * a[k]
            b[i] -= factor * b[k]
    for i in range(n - 1, -1, -1):
        b[i] -= np.dot(a[i, i + 1 :], b[i + 1 :])
        b[i] /= a[i, i]
    return b


@program([normal(20, 3), normal(21, 3)], 0.1, wrt=(0, 1), mutates=True)
def update_parameters(parameters, rate):
    """A descent step on arrays in a list of the caller's."""
    loss = 0.0
    for p in parameters:
        loss += np.sum(p**2)
        p -= rate * 2 * p
    return loss + sum(np.sum(np.cos(p)) for p in parameters)


@program(uniform(22, 0.5, 2.0, 5), normal(23, 5), wrt=(0, 1))
def product_in_place(a, b):
    """a *= b with both read before and after."""
    a = a.copy()
    total = np.sum(a * b)
    a *= b
    total += np.sum(a * b)
    a **= 2
    return total + np.sum(a)


@program(normal(24, 4, 3))
def rows_as_views(a):
    """Rows taken by iteration are views."""
    b = a.copy()
    for row in b:
        row -= row.mean()
        row /= np.sqrt(np.sum(row**2))
    return b


@program(normal(25, 8))
def overlapping_assignment(x):
    """Overlapping slices are assigned as if from a copy."""
    y = x.copy()
    y[1:] = y[:-1] * y[1:]
    y[:4] = y[4:]
    y[::-1] += x
    return y


@program(normal(26, 5), uniform(27, 0.1, 0.9, 3), wrt=(0, 1))
def window_products(x, w):
    """A workspace that is used again in each round."""
    work = np.zeros(len(w))
    out = np.zeros(len(x) - len(w) + 1)
    for start in range(len(out)):
        work[:] = x[start : start + len(w)]
        work *= w
        work.sort()
        out[start] = work[-1] - work[0]
    return out


@program(normal(28, 3, 2, 2))
def ellipsis_and_newaxis(t):
    """Assignments through an ellipsis, a new axis and a negative step."""
    u = t.copy()
    u[..., 0] *= 2.0
    u[0, :, :] += u[1, ::-1, None, 0]
    u[-1, ..., 1] = np.arctan(u[0, ..., 1])
    return u


@program(normal(29, 6))
def saved_before_change(x):
    """A copy keeps the old values, a view does not."""
    y = x.copy()
    kept = y[:3].copy()
    seen = y[:3]
    y[:3] = np.exp(y[3:])
    return np.sum(kept * seen) + np.dot(seen, y[3:])
