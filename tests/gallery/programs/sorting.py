"""Sorting and selecting by comparisons and swaps."""

import numpy as np

from tests.gallery.registry import normal, program

WEIGHTS = np.array([1.0, -2.0, 3.0, -4.0, 5.0, -6.0, 7.0])


@program(normal(1, 7))
def bubble_sort(x):
    """Bubble sort that stops when nothing was swapped."""
    a = x.copy()
    n = len(a)
    swapped = True
    while swapped:
        swapped = False
        for i in range(n - 1):
            if a[i] > a[i + 1]:
                a[i], a[i + 1] = a[i + 1], a[i]
                swapped = True
        n -= 1
    return a


@program(normal(2, 6))
def odd_even_transposition(x):
    """A sorting network of neighbours."""
    a = np.array(x)
    n = len(a)
    for phase in range(n):
        for i in range(phase % 2, n - 1, 2):
            if a[i] > a[i + 1]:
                a[i], a[i + 1] = a[i + 1], a[i]
    return a


@program(normal(3, 7))
def insertion_sort(x):
    """Insertion sort, each element moved left while it is smaller."""
    a = x.copy()
    for i in range(1, len(a)):
        key = a[i]
        j = i - 1
        while j >= 0 and a[j] > key:
            a[j + 1] = a[j]
            j -= 1
        a[j + 1] = key
    return a


@program(normal(4, 7))
def selection_sort(x):
    """Selection sort of values together with their weights."""
    a, w = x.copy(), WEIGHTS.copy()
    for i in range(len(a)):
        smallest = i
        for j in range(i + 1, len(a)):
            if a[j] < a[smallest]:
                smallest = j
        a[[i, smallest]] = a[[smallest, i]]
        w[i], w[smallest] = w[smallest], w[i]
    total = 0.0
    for i in range(len(a)):
        total += w[i] * a[i] ** 2 * (i + 1)
    return total


@program(normal(5, 9), 4)
def quickselect(x, k):
    """The k-th smallest number by partitions in place."""
    a = x.copy()
    low, high = 0, len(a) - 1
    while low < high:
        pivot = a[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while a[i] < pivot:
                i += 1
            while a[j] > pivot:
                j -= 1
            if i <= j:
                a[i], a[j] = a[j], a[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return a[k]


@program(normal(6, 6))
def merge_sort(x):
    """Merge sort by recursion on halves."""
    n = len(x)
    if n <= 1:
        return x
    left, right = merge_sort(x[: n // 2]), merge_sort(x[n // 2 :])
    merged = np.empty(n)
    i = j = 0
    for k in range(n):
        if j >= len(right) or (i < len(left) and left[i] <= right[j]):
            merged[k] = left[i]
            i += 1
        else:
            merged[k] = right[j]
            j += 1
    return merged


@program(normal(7, 7))
def heap_sort(x):
    """Heap sort, the heap in the array itself."""
    a = x.copy()
    n = len(a)

    def sift(root, end):
        while 2 * root + 1 < end:
            child = 2 * root + 1
            if child + 1 < end and a[child] < a[child + 1]:
                child += 1
            if a[root] >= a[child]:
                return
            a[root], a[child] = a[child], a[root]
            root = child

    for start in range(n // 2 - 1, -1, -1):
        sift(start, n)
    for end in range(n - 1, 0, -1):
        a[0], a[end] = a[end], a[0]
        sift(0, end)
    return a


@program(normal(8, 6), 0.2, wrt=(0, 1))
def soft_ranks(x, temperature):
    """Ranks by smooth comparisons."""
    n = len(x)
    ranks = np.ones(n)
    for i in range(n):
        for j in range(n):
            if i != j:
                ranks[i] += 1 / (1 + np.exp(-(x[i] - x[j]) / temperature))
    return ranks


@program(normal(9, 8))
def bitonic_sort(x):
    """A bitonic sorting network for eight numbers."""
    a = x.copy()
    n = len(a)
    k = 2
    while k <= n:
        j = k // 2
        while j > 0:
            for i in range(n):
                partner = i ^ j
                if partner > i and ((i & k == 0) == (a[i] > a[partner])):
                    a[i], a[partner] = a[partner], a[i]
            j //= 2
        k *= 2
    return a


@program(normal(10, 7), 3)
def top_k_sum(x, k):
    """The sum of squares of the k largest, kept in a short sorted list."""
    best = [-np.inf] * k
    for v in x:
        for i in range(k):
            if v > best[i]:
                best.insert(i, v)
                best.pop()
                break
    return sum(b**2 for b in best)
