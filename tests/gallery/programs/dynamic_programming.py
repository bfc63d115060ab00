"""Tables filled cell by cell: alignments, paths through hidden states, knapsacks."""

import math

import numpy as np

from tests.gallery.registry import normal, program, uniform


@program(uniform(1, 0.0, 2.0, 4, 5), 0.7, 0.5, wrt=(0, 1, 2))
def smooth_edit_distance(cost, gap, temperature):
    """An edit distance whose minimum of three is a soft minimum."""
    m, n = cost.shape
    d = np.zeros((m + 1, n + 1))
    for i in range(1, m + 1):
        d[i, 0] = i * gap
    for j in range(1, n + 1):
        d[0, j] = j * gap
    for i in range(1, m + 1):
        for j in range(1, n + 1):
            a = -(d[i - 1, j - 1] + cost[i - 1, j - 1]) / temperature
            b = -(d[i - 1, j] + gap) / temperature
            c = -(d[i, j - 1] + gap) / temperature
            top = max(a, b, c)
            d[i, j] = -temperature * (top + math.log(math.exp(a - top) + math.exp(b - top) + math.exp(c - top)))
    return d[m, n]


@program(normal(2, 5, 4), 0.37, wrt=(0, 1))
def needleman_wunsch(similarity, gap):
    """The score of the best global alignment."""
    m, n = similarity.shape
    score = np.empty((m + 1, n + 1))
    score[:, 0] = -gap * np.arange(m + 1)
    score[0, :] = -gap * np.arange(n + 1)
    for i in range(1, m + 1):
        for j in range(1, n + 1):
            match = score[i - 1, j - 1] + similarity[i - 1, j - 1]
            delete = score[i - 1, j] - gap
            insert = score[i, j - 1] - gap
            best = match
            if delete > best:
                best = delete
            if insert > best:
                best = insert
            score[i, j] = best
    return score[m, n]


@program(normal(3, 5, 4), 0.4, wrt=(0, 1))
def smith_waterman(similarity, gap):
    """The best local alignment, never below zero."""
    rows, columns = similarity.shape
    h = np.zeros((rows + 1, columns + 1))
    best = 0.0
    for i in range(rows):
        for j in range(columns):
            h[i + 1, j + 1] = max(0.0, h[i, j] + similarity[i, j], h[i, j + 1] - gap, h[i + 1, j] - gap)
            if h[i + 1, j + 1] > best:
                best = h[i + 1, j + 1]
    return best


def log_sum_exp(values):
    """log Σ exp, safe against overflow."""
    top = values[0]
    for v in values[1:]:
        if v > top:
            top = v
    total = 0.0
    for v in values:
        total += math.exp(v - top)
    return top + math.log(total)


@program(normal(4, 3), normal(5, 3, 3), normal(6, 3, 4), np.array([0, 2, 1, 3, 0]), wrt=(0, 1, 2))
def hidden_markov_forward(start, transition, emission, observed):
    """The log-likelihood of observations by the forward algorithm, from unnormalised logits."""
    states = len(start)
    start = start - log_sum_exp(start)
    alpha = np.zeros(states)
    for s in range(states):
        alpha[s] = start[s] + emission[s, observed[0]] - log_sum_exp(emission[s])
    for o in observed[1:]:
        new = np.zeros(states)
        for s in range(states):
            terms = np.zeros(states)
            for r in range(states):
                terms[r] = alpha[r] + transition[r, s] - log_sum_exp(transition[r])
            new[s] = log_sum_exp(terms) + emission[s, o] - log_sum_exp(emission[s])
        alpha = new
    return log_sum_exp(alpha)


@program(normal(7, 3), normal(8, 3, 3), normal(9, 6, 3), wrt=(0, 1, 2))
def viterbi_score(start, transition, emission):
    """The score of the best path through hidden states, by back pointers."""
    steps, states = emission.shape
    score = start + emission[0]
    back = np.zeros((steps, states), dtype=int)
    for t in range(1, steps):
        new = np.empty(states)
        for s in range(states):
            candidates = score + transition[:, s]
            k = np.argmax(candidates)
            back[t, s] = k
            new[s] = candidates[k] + emission[t, s]
        score = new
    s = np.argmax(score)
    path = [s]
    for t in range(steps - 1, 0, -1):
        s = back[t, s]
        path.append(s)
    path.reverse()
    total = start[path[0]]
    for t in range(steps):
        total += emission[t, path[t]]
        if t > 0:
            total += transition[path[t - 1], path[t]]
    return total


@program(normal(10, 6, 4), (1, 2, 1))
def connectionist_temporal_classification(logits, labels):
    """The CTC loss of a label sequence; class 0 is the blank."""
    steps = logits.shape[0]
    probabilities = np.exp(logits)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    extended = [0]
    for label in labels:
        extended += [label, 0]
    n = len(extended)
    alpha = np.zeros((steps, n))
    alpha[0, 0] = probabilities[0, 0]
    alpha[0, 1] = probabilities[0, extended[1]]
    for t in range(1, steps):
        for s in range(n):
            a = alpha[t - 1, s]
            if s >= 1:
                a += alpha[t - 1, s - 1]
            if s >= 2 and extended[s] != 0 and extended[s] != extended[s - 2]:
                a += alpha[t - 1, s - 2]
            alpha[t, s] = a * probabilities[t, extended[s]]
    return -np.log(alpha[-1, -1] + alpha[-1, -2])


@program(normal(11, 4), normal(12, 5), 0.6, wrt=(0, 1, 2))
def soft_common_subsequence(x, y, width):
    """A longest common subsequence where elements match by degrees."""
    table = np.zeros((len(x) + 1, len(y) + 1))
    for i, a in enumerate(x):
        for j, b in enumerate(y):
            match = np.exp(-((a - b) ** 2) / (2 * width**2))
            table[i + 1, j + 1] = np.logaddexp(np.logaddexp(table[i, j] + match, table[i + 1, j]), table[i, j + 1])
    return table[-1, -1]


@program(uniform(13, 1.0, 5.0, 5), np.array([2, 3, 4, 1, 5]), 9)
def knapsack(values, weights, capacity):
    """The 0/1 knapsack, one row that is overwritten from the right."""
    best = np.zeros(capacity + 1)
    for v, w in zip(values, weights, strict=True):
        for c in range(capacity, w - 1, -1):
            if best[c - w] + v > best[c]:
                best[c] = best[c - w] + v
    return best[capacity]


@program(normal(14, 5), normal(15, 4), wrt=(0, 1))
def dynamic_time_warping(a, b):
    """The dynamic time warping distance of two series."""
    n, m = len(a), len(b)
    d = np.full((n + 1, m + 1), np.inf)
    d[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            cost = (a[i - 1] - b[j - 1]) ** 2
            d[i, j] = cost + min(d[i - 1, j], d[i, j - 1], d[i - 1, j - 1])
    return d[n, m]


@program(uniform(16, 1.0, 4.0, 5))
def matrix_chain(dimensions):
    """The least cost of multiplying a chain of matrices."""
    n = len(dimensions) - 1
    cost = np.zeros((n, n))
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            best = np.inf
            for k in range(i, j):
                c = cost[i, k] + cost[k + 1, j] + dimensions[i] * dimensions[k + 1] * dimensions[j + 1]
                if c < best:
                    best = c
            cost[i, j] = best
    return cost[0, n - 1]


@program(normal(17, 8), uniform(18, 0.5, 1.5, 8), wrt=1)
def heaviest_increasing_subsequence(x, weight):
    """The heaviest increasing subsequence, quadratic in time."""
    n = len(x)
    best = weight.copy()
    for i in range(n):
        for j in range(i):
            if x[j] < x[i] and best[j] + weight[i] > best[i]:
                best[i] = best[j] + weight[i]
    return best.max()


@program(uniform(19, 0.2, 1.0, 4, 5))
def seam_carving(energy):
    """The cheapest seam from the top row to the bottom row."""
    cost = energy.copy()
    rows, columns = cost.shape
    for i in range(1, rows):
        for j in range(columns):
            left = max(j - 1, 0)
            right = min(j + 2, columns)
            cost[i, j] += cost[i - 1, left:right].min()
    return np.min(cost[-1])


@program(uniform(20, 1.0, 3.0, 5, 5))
def all_shortest_paths(length):
    """Floyd and Warshall's distances between all pairs."""
    d = np.array(length)
    n = d.shape[0]
    for i in range(n):
        d[i, i] = 0.0
    for k in range(n):
        for i in range(n):
            for j in range(n):
                if d[i, k] + d[k, j] < d[i, j]:
                    d[i, j] = d[i, k] + d[k, j]
    return d
