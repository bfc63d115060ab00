"""Linear algebra as in textbooks: scalar loops over rows and columns."""

import numpy as np

from tests.gallery.registry import definite, dominant, normal, program


@program(normal(1, 4), 3.0 + normal(2, 5) * 0.2, normal(3, 4), normal(4, 5), wrt=(0, 1, 2, 3))
def thomas(lower, diagonal, upper, right):
    """A tridiagonal system by Thomas' algorithm."""
    n = len(diagonal)
    c = np.zeros(n - 1)
    d = np.zeros(n)
    c[0] = upper[0] / diagonal[0]
    d[0] = right[0] / diagonal[0]
    for i in range(1, n):
        m = diagonal[i] - lower[i - 1] * c[i - 1]
        if i < n - 1:
            c[i] = upper[i] / m
        d[i] = (right[i] - lower[i - 1] * d[i - 1]) / m
    x = np.zeros(n)
    x[-1] = d[-1]
    for i in range(n - 2, -1, -1):
        x[i] = d[i] - c[i] * x[i + 1]
    return x


@program(definite(5, 4))
def cholesky(a):
    """The Cholesky factor, entry by entry."""
    n = a.shape[0]
    l = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            s = a[i, j]
            for k in range(j):
                s -= l[i, k] * l[j, k]
            if i == j:
                l[i, j] = np.sqrt(s)
            else:
                l[i, j] = s / l[j, j]
    return l


@program(normal(6, 4, 4), normal(7, 4), wrt=(0, 1))
def lu_solve(a, b):
    """Gaussian elimination with partial pivoting: rows are searched, swapped and eliminated in place."""
    a = a.copy()
    b = b.copy()
    n = len(b)
    for k in range(n):
        pivot = k
        best = abs(a[k, k])
        for i in range(k + 1, n):
            if abs(a[i, k]) > best:
                best = abs(a[i, k])
                pivot = i
        if best == 0.0:
            raise np.linalg.LinAlgError("singular matrix")
        if pivot != k:
            a[[k, pivot]] = a[[pivot, k]]
            b[k], b[pivot] = b[pivot], b[k]
        for i in range(k + 1, n):
            factor = a[i, k] / a[k, k]
            a[i, k:] -= factor * a[k, k:]
            b[i] -= factor * b[k]
    x = np.zeros(n)
    for i in reversed(range(n)):
        x[i] = (b[i] - a[i, i + 1 :] @ x[i + 1 :]) / a[i, i]
    return x


@program(dominant(8, 4), normal(9, 4), wrt=(0, 1))
def gauss_seidel(a, b):
    """Gauss and Seidel's iteration until nothing changes."""
    n = len(b)
    x = np.zeros(n)
    change = 1.0
    while change > 1e-14:
        change = 0.0
        for i in range(n):
            s = b[i]
            for j in range(n):
                if j != i:
                    s -= a[i, j] * x[j]
            new = s / a[i, i]
            change = max(change, abs(new - x[i]))
            x[i] = new
    return x


@program(normal(10, 4, 3))
def gram_schmidt(a):
    """Modified Gram-Schmidt: orthonormal columns and the triangle."""
    q = a.copy()
    n = a.shape[1]
    r = np.zeros((n, n))
    for j in range(n):
        for i in range(j):
            r[i, j] = q[:, i] @ q[:, j]
            q[:, j] -= r[i, j] * q[:, i]
        r[j, j] = np.linalg.norm(q[:, j])
        q[:, j] /= r[j, j]
    return q, r


@program(definite(11, 4) + np.diag([4.0, 0.0, 0.0, 0.0]))
def power_iteration(a):
    """The largest eigenvalue, by repeated multiplication."""
    v = np.ones(a.shape[0])
    value = 0.0
    previous = np.inf
    while abs(value - previous) > 1e-15 * abs(value):
        previous = value
        w = a @ v
        value = np.sqrt(np.sum(w**2))
        v = w / value
    return value


@program(normal(12, 4, 3))
def householder_triangle(a):
    """The triangular factor by Householder reflections."""
    r = a.copy()
    m, n = r.shape
    for k in range(n):
        x = r[k:, k].copy()
        alpha = -np.sqrt(np.sum(x * x)) if x[0] > 0 else np.sqrt(np.sum(x * x))
        v = x
        v[0] -= alpha
        v = v / np.sqrt(np.sum(v * v))
        r[k:, k:] -= 2.0 * np.outer(v, v @ r[k:, k:])
    return np.triu(r[:n])


@program(normal(13, 5, 5))
def determinant_by_minors(a):
    """A determinant by expansion along the first row."""
    n = a.shape[0]
    if n == 1:
        return a[0, 0]
    total = 0.0
    for j in range(n):
        minor = np.delete(np.delete(a, 0, axis=0), j, axis=1)
        total += (-1) ** j * a[0, j] * determinant_by_minors(minor)
    return total


@program(normal(14, 3, 3) * 0.5)
def matrix_exponential(a):
    """exp A by its series, until a term is too small to matter."""
    result = np.eye(a.shape[0])
    term = np.eye(a.shape[0])
    k = 1
    while np.max(np.abs(term)) > 1e-17:
        term = term @ a / k
        result = result + term
        k += 1
    return result


@program(normal(15, 3, 3))
def givens_triangle(a):
    """The triangular factor by Givens rotations of pairs of rows."""
    r = np.array(a)
    n = r.shape[0]
    for j in range(n):
        for i in range(j + 1, n):
            if r[i, j] == 0:
                continue
            h = np.hypot(r[j, j], r[i, j])
            c, s = r[j, j] / h, r[i, j] / h
            top = c * r[j] + s * r[i]
            bottom = -s * r[j] + c * r[i]
            r[j], r[i] = top, bottom
    return r


@program(definite(16, 3) + np.diag([0.0, 1.0, 2.5]))
def jacobi_eigenvalues(a):
    """Eigenvalues of a symmetric matrix by cyclic Jacobi rotations."""
    a = (a + a.T) / 2
    n = len(a)
    for _ in range(6):
        for p in range(n - 1):
            for q in range(p + 1, n):
                if abs(a[p, q]) < 1e-12:
                    continue
                theta = (a[q, q] - a[p, p]) / (2 * a[p, q])
                t = 1 / (theta + np.sqrt(theta**2 + 1)) if theta >= 0 else -1 / (-theta + np.sqrt(theta**2 + 1))
                c = 1 / np.sqrt(t**2 + 1)
                rotation = np.eye(n)
                rotation[p, p] = rotation[q, q] = c
                rotation[p, q] = t * c
                rotation[q, p] = -t * c
                a = rotation.T @ a @ rotation
    return np.diag(a)


@program(normal(17, 3, 3), 11)
def matrix_power(a, n):
    """Aⁿ by repeated squaring."""
    result = np.eye(len(a))
    while n > 0:
        if n % 2 == 1:
            result = result @ a
        a = a @ a * 0.5
        n //= 2
    return result


@program(dominant(18, 3))
def gauss_jordan_inverse(a):
    """An inverse by Gauss-Jordan elimination of the augmented matrix."""
    n = len(a)
    augmented = np.hstack([a, np.eye(n)])
    for i in range(n):
        augmented[i] /= augmented[i, i]
        for j in range(n):
            if i != j:
                augmented[j] -= augmented[j, i] * augmented[i]
    return augmented[:, n:]


@program(definite(19, 4))
def ldl_log_determinant(a):
    """log det A from an LDLᵀ factorisation."""
    n = a.shape[0]
    l = np.eye(n)
    d = np.zeros(n)
    for j in range(n):
        d[j] = a[j, j] - sum(l[j, k] ** 2 * d[k] for k in range(j))
        for i in range(j + 1, n):
            l[i, j] = (a[i, j] - sum(l[i, k] * l[j, k] * d[k] for k in range(j))) / d[j]
    return sum(np.log(x) for x in d)


@program(definite(20, 4), normal(21, 4), wrt=(0, 1))
def conjugate_gradients(a, b):
    """Conjugate gradients with a stopping test."""
    a = (a + a.T) / 2
    x = np.zeros_like(b)
    r = b - a @ x
    p = r
    rho = r @ r
    for _ in range(2 * len(b)):
        q = a @ p
        alpha = rho / (p @ q)
        x = x + alpha * p
        r = r - alpha * q
        new = r @ r
        if np.sqrt(new) < 1e-10:
            break
        p = r + (new / rho) * p
        rho = new
    return x


@program(normal(22, 4, 4))
def characteristic_polynomial(a):
    """Coefficients of det(λ - A) by Faddeev and LeVerrier."""
    n = a.shape[0]
    c = np.zeros(n + 1)
    c[n] = 1.0
    m = np.zeros((n, n))
    for k in range(1, n + 1):
        m = a @ m + c[n - k + 1] * np.eye(n)
        trace = 0.0
        am = a @ m
        for i in range(n):
            trace += am[i, i]
        c[n - k] = -trace / k
    return c


@program(normal(23, 3, 4), normal(24, 4, 2), wrt=(0, 1))
def triple_loop_product(a, b):
    """A matrix product by its definition."""
    n, m = a.shape
    p = b.shape[1]
    c = np.zeros((n, p))
    for i in range(n):
        for j in range(p):
            for k in range(m):
                c[i, j] += a[i, k] * b[k, j]
    return c
