"""Filters, transforms and wavelets as loops and in place."""

import math

import numpy as np

from tests.gallery.registry import normal, program


@program(normal(1, 6), normal(2, 3), wrt=(0, 1))
def convolution(x, kernel):
    """A full convolution by its definition."""
    n, m = len(x), len(kernel)
    y = np.zeros(n + m - 1)
    for i in range(n):
        for j in range(m):
            y[i + j] += x[i] * kernel[j]
    return y


@program(normal(3, 8), np.array([0.3, 0.4, 0.2]), wrt=(0, 1))
def fir_in_place(x, taps):
    """A finite impulse response, computed from the end so that the signal can be overwritten."""
    y = x.copy()
    for n in range(len(y) - 1, -1, -1):
        acc = 0.0
        for k in range(min(len(taps), n + 1)):
            acc += taps[k] * y[n - k]
        y[n] = acc
    return y


@program(normal(4, 8), np.array([0.2, 0.3]), np.array([0.5, -0.2]), wrt=(0, 1, 2))
def iir(x, b, a):
    """A recursive filter; what lies before the signal is zero."""
    y = np.zeros(len(x))
    for n in range(len(x)):
        for k in range(len(b)):
            if n - k >= 0:
                y[n] += b[k] * x[n - k]
        for k in range(len(a)):
            if n - k - 1 >= 0:
                y[n] += a[k] * y[n - k - 1]
    return y


@program(normal(5, 8), 0.9, 0.5, wrt=(0, 1, 2))
def biquad(x, radius, angle):
    """A resonator in direct form II, the state in two variables."""
    a1, a2 = -2 * radius * math.cos(angle), radius * radius
    w1 = w2 = 0.0
    out = []
    for sample in x:
        w0 = sample - a1 * w1 - a2 * w2
        out.append(w0 - w2)
        w1, w2 = w0, w1
    return np.array(out)


def fft(re, im):
    """Cooley and Tukey's transform of a power of two, on real and imaginary parts."""
    n = len(re)
    if n == 1:
        return re, im
    even_re, even_im = fft(re[::2], im[::2])
    odd_re, odd_im = fft(re[1::2], im[1::2])
    out_re, out_im = np.zeros(n), np.zeros(n)
    for k in range(n // 2):
        c, s = math.cos(2 * math.pi * k / n), -math.sin(2 * math.pi * k / n)
        t_re = c * odd_re[k] - s * odd_im[k]
        t_im = c * odd_im[k] + s * odd_re[k]
        out_re[k], out_im[k] = even_re[k] + t_re, even_im[k] + t_im
        out_re[k + n // 2], out_im[k + n // 2] = even_re[k] - t_re, even_im[k] - t_im
    return out_re, out_im


@program(normal(6, 8))
def recursive_spectrum(x):
    """The power spectrum by a recursive FFT."""
    re, im = fft(x, np.zeros(len(x)))
    return re**2 + im**2


@program(normal(7, 8), normal(8, 8), wrt=(0, 1))
def iterative_fft(re, im):
    """An FFT in place: bit reversal by swaps, then butterflies."""
    re, im = re.copy(), im.copy()
    n = len(re)
    j = 0
    for i in range(1, n):
        bit = n >> 1
        while j & bit:
            j ^= bit
            bit >>= 1
        j |= bit
        if i < j:
            re[i], re[j] = re[j], re[i]
            im[i], im[j] = im[j], im[i]
    length = 2
    while length <= n:
        angle = -2 * math.pi / length
        for start in range(0, n, length):
            for k in range(length // 2):
                c, s = math.cos(angle * k), math.sin(angle * k)
                a, b = start + k, start + k + length // 2
                t_re = re[b] * c - im[b] * s
                t_im = re[b] * s + im[b] * c
                re[b], im[b] = re[a] - t_re, im[a] - t_im
                re[a] += t_re
                im[a] += t_im
        length *= 2
    return re, im


@program(normal(9, 8))
def haar_wavelet(x):
    """The Haar transform in place, level by level."""
    x = x.copy()
    n = len(x)
    while n > 1:
        half = n // 2
        sums = (x[0:n:2] + x[1:n:2]) / math.sqrt(2)
        differences = (x[0:n:2] - x[1:n:2]) / math.sqrt(2)
        x[:half] = sums
        x[half:n] = differences
        n = half
    return x


@program(normal(10, 9), 3)
def moving_average(x, width):
    """A moving average by a running sum."""
    out = np.empty(len(x) - width + 1)
    running = sum(x[:width])
    out[0] = running / width
    for i in range(width, len(x)):
        running += x[i] - x[i - width]
        out[i - width + 1] = running / width
    return out


@program(normal(11, 10), 0.8, wrt=(0, 1))
def goertzel(x, omega):
    """The power at one frequency by Goertzel's recursion."""
    coefficient = 2 * math.cos(omega)
    s1, s2 = 0.0, 0.0
    for v in x:
        s1, s2 = v + coefficient * s1 - s2, s1
    return s1**2 + s2**2 - coefficient * s1 * s2


@program(normal(12, 7))
def cosine_transform(x):
    """The discrete cosine transform by its definition."""
    n = len(x)
    return np.array([sum(x[i] * math.cos(math.pi / n * (i + 0.5) * k) for i in range(n)) for k in range(n)])


@program(np.array([2.0, 0.9, 0.5, 0.2]))
def levinson_durbin(r):
    """The predictor of an autocorrelation by Levinson's recursion."""
    n = len(r) - 1
    a = np.zeros(n + 1)
    a[0] = 1.0
    error = r[0]
    for k in range(1, n + 1):
        acc = r[k]
        for j in range(1, k):
            acc += a[j] * r[k - j]
        reflection = -acc / error
        old = a.copy()
        for j in range(1, k):
            a[j] = old[j] + reflection * old[k - j]
        a[k] = reflection
        error *= 1 - reflection**2
    return a, error


@program(normal(13, 6), np.array([0.3, 1.7, 2.2, 4.9]), wrt=(0, 1))
def linear_resampling(samples, times):
    """A signal read between its samples."""
    out = np.zeros(len(times))
    for k, t in enumerate(times):
        i = int(t)
        i = min(i, len(samples) - 2)
        fraction = t - i
        out[k] = (1 - fraction) * samples[i] + fraction * samples[i + 1]
    return out


@program(normal(14, 8), 0.4, 0.05, wrt=(0, 1, 2))
def envelope_follower(x, attack, release):
    """A level meter that rises fast and falls slowly."""
    level = 0.0
    history = np.zeros_like(x)
    for i, sample in enumerate(x):
        magnitude = abs(sample)
        rate = attack if magnitude > level else release
        level += rate * (magnitude - level)
        history[i] = level
    return history
