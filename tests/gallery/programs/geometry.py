"""Shapes, curves and rays."""

import math

import numpy as np

from tests.gallery.registry import normal, program


@program(np.array([[0.0, 0.0], [2.0, 0.3], [2.5, 1.8], [0.9, 2.4], [-0.4, 1.1]]))
def polygon(points):
    """Area and centroid of a polygon by the shoelace formula."""
    area = 0.0
    cx = cy = 0.0
    n = len(points)
    for i in range(n):
        x0, y0 = points[i]
        x1, y1 = points[(i + 1) % n]
        cross = x0 * y1 - x1 * y0
        area += cross / 2
        cx += (x0 + x1) * cross
        cy += (y0 + y1) * cross
    return area, np.array([cx, cy]) / (6 * area)


@program(np.array([0.4, 0.3]), np.array([[0.0, 0.1], [1.2, 0.0], [0.3, 1.1]]), np.array([1.0, 3.0, -2.0]), wrt=(0, 1, 2))
def barycentric_interpolation(p, triangle, values):
    """Values at the corners read inside the triangle; nothing outside."""
    (x1, y1), (x2, y2), (x3, y3) = triangle
    x, y = p
    d = (y2 - y3) * (x1 - x3) + (x3 - x2) * (y1 - y3)
    a = ((y2 - y3) * (x - x3) + (x3 - x2) * (y - y3)) / d
    b = ((y3 - y1) * (x - x3) + (x1 - x3) * (y - y3)) / d
    c = 1 - a - b
    if a < 0 or b < 0 or c < 0:
        return 0.0
    return a * values[0] + b * values[1] + c * values[2]


CENTRES = np.array([[0.1, 0.0, 0.0], [0.9, 0.2, -1.0], [-4.0, 3.0, 0.5]])


def ray_sphere(origin, direction, centre, radius):
    """The distance along a ray to a sphere, infinity if it misses."""
    offset = origin - centre
    b = np.dot(offset, direction)
    c = np.dot(offset, offset) - radius**2
    discriminant = b * b - c
    if discriminant < 0:
        return np.inf
    root = np.sqrt(discriminant)
    if -b - root > 1e-6:
        return -b - root
    if -b + root > 1e-6:
        return -b + root
    return np.inf


@program(
    np.array([0.0, 0.1, 5.0]),
    CENTRES,
    np.array([1.0, 0.8, 0.3]),
    wrt=(0, 1, 2),
    no_jit="what is None or a number, as the data have it, is of no one type",
)
def shade(eye, centres, radii):
    """The brightness of a pixel: the nearest of several spheres under one lamp."""
    direction = np.array([0.05, 0.02, -1.0])
    direction = direction / np.linalg.norm(direction)
    nearest = np.inf
    hit = None
    for k in range(len(radii)):
        t = ray_sphere(eye, direction, centres[k], radii[k])
        if t < nearest:
            nearest = t
            hit = k
    if hit is None:
        return 0.1
    normal_vector = (eye + nearest * direction - centres[hit]) / radii[hit]
    lamp = np.array([0.4, 0.6, 0.7])
    return 0.1 + max(0.0, float(np.dot(normal_vector, lamp)))


@program(normal(1, 4, 2), 0.35, wrt=(0, 1))
def de_casteljau(control, t):
    """A point of a Bézier curve."""
    points = control.copy()
    n = len(points)
    for level in range(1, n):
        for i in range(n - level):
            points[i] = (1 - t) * points[i] + t * points[i + 1]
    return points[0]


@program(np.array([0.0, 1.0, 1.7, 3.0, 4.2]), normal(2, 5), np.array([0.4, 1.3, 3.9]), wrt=(0, 1, 2))
def natural_spline(x, y, queries):
    """A natural cubic spline: moments from a tridiagonal system, then each query in its interval."""
    n = len(x)
    h = np.diff(x)
    m = np.zeros(n)
    c = np.zeros(n)
    d = np.zeros(n)
    for i in range(1, n - 1):
        right = 6 * ((y[i + 1] - y[i]) / h[i] - (y[i] - y[i - 1]) / h[i - 1])
        pivot = 2 * (h[i - 1] + h[i]) - h[i - 1] * c[i - 1]
        c[i] = h[i] / pivot
        d[i] = (right - h[i - 1] * d[i - 1]) / pivot
    for i in range(n - 2, 0, -1):
        m[i] = d[i] - c[i] * m[i + 1]
    result = []
    for q in queries:
        i = 0
        while i < n - 2 and q > x[i + 1]:
            i += 1
        a = (x[i + 1] - q) / h[i]
        b = (q - x[i]) / h[i]
        result.append(a * y[i] + b * y[i + 1] + ((a**3 - a) * m[i] + (b**3 - b) * m[i + 1]) * h[i] ** 2 / 6)
    return np.array(result)


@program(np.array([1.0, 0.2, -0.5]), np.array([0.3, 0.9, 0.4]), 0.8, wrt=(0, 1, 2))
def rodrigues(v, axis, angle):
    """A vector turned about an axis."""
    k = axis / math.sqrt(axis[0] ** 2 + axis[1] ** 2 + axis[2] ** 2)
    c, s = math.cos(angle), math.sin(angle)
    cross = np.array([k[1] * v[2] - k[2] * v[1], k[2] * v[0] - k[0] * v[2], k[0] * v[1] - k[1] * v[0]])
    return v * c + cross * s + k * np.dot(k, v) * (1 - c)


@program(np.array([0.4, 1.3]), np.array([[0.0, 0.0], [1.0, 0.2], [1.6, 1.4], [3.0, 1.1]]), wrt=(0, 1))
def distance_to_polyline(p, points):
    """The distance of a point to the nearest piece of a line."""
    best = float("inf")
    for a, b in zip(points[:-1], points[1:], strict=True):
        ab = b - a
        t = np.dot(p - a, ab) / np.dot(ab, ab)
        t = min(max(t, 0.0), 1.0)
        distance = np.linalg.norm(p - (a + t * ab))
        if distance < best:
            best = distance
    return best


@program(np.array([0.9, 0.3, 0.2]))
def march_to_surface(direction):
    """Sphere tracing: steps as long as nothing is near."""

    def scene(p):
        ball = math.sqrt(p[0] ** 2 + p[1] ** 2 + (p[2] - 4.0) ** 2) - 1.0
        floor = p[1] + 1.5
        return min(ball, floor)

    direction = direction / np.sqrt(np.sum(direction**2))
    t = 0.0
    for _ in range(60):
        d = scene(np.array([0.0, 0.1, 0.0]) + t * np.array([0.1, -1.0, 0.6]) * direction)
        t += d
        if d < 1e-13:
            break
        if t > 50.0:
            return 50.0
    return t


@program(0.85, 0.15, 0.6, 1.9, wrt=(0, 1, 2, 3))
def great_circle(lat1, lon1, lat2, lon2):
    """The haversine distance of two places in kilometres."""
    a = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 6371.0 * 2 * math.asin(min(1.0, math.sqrt(a)))


@program(normal(3, 6, 2))
def bounding_box(points):
    """The area of the bounding box, corners found by comparison."""
    low = points[0].copy()
    high = points[0].copy()
    for p in points[1:]:
        for axis in range(2):
            if p[axis] < low[axis]:
                low[axis] = p[axis]
            elif p[axis] > high[axis]:
                high[axis] = p[axis]
    width, height = high - low
    return width * height


@program(
    np.array([[0.0, 0.0], [4.0, 0.3], [3.6, 3.1], [0.2, 2.8]]), 1.3, 0.4, wrt=(0, 1, 2), no_jit="the length of a list depends on the data"
)
def clip_polygon(points, level, slope):
    """The area of what is left of a polygon below a line, after Sutherland and Hodgman."""
    kept = []
    n = len(points)
    for i in range(n):
        p, q = points[i], points[(i + 1) % n]
        dp = level + slope * p[0] - p[1]
        dq = level + slope * q[0] - q[1]
        if dp >= 0:
            kept.append(p)
        if (dp >= 0) != (dq >= 0):
            t = dp / (dp - dq)
            kept.append(p + t * (q - p))
    area = 0.0
    for i in range(len(kept)):
        a, b = kept[i - 1], kept[i]
        area += 0.5 * (a[0] * b[1] - a[1] * b[0])
    return area
