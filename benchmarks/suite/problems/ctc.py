"""Connectionist temporal classification (Graves et al. 2006): the forward recursion in log space, and its gradient (logits)."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.suite import idiom
from benchmarks.suite.problem import Entry, Problem, lines_of


def ctc(logits, labels):
    frames = logits.shape[0]
    peak = np.max(logits, axis=1, keepdims=True)
    scores = logits - peak - np.log(np.sum(np.exp(logits - peak), axis=1, keepdims=True))
    states = 2 * len(labels) + 1
    symbols = np.zeros(states, dtype=int)
    symbols[1::2] = labels
    alpha = np.full((frames, states), -np.inf)
    alpha[0, 0] = scores[0, 0]
    alpha[0, 1] = scores[0, symbols[1]]
    for t in range(1, frames):
        for s in range(states):
            a = alpha[t - 1, s]
            if s > 0:
                a = np.logaddexp(a, alpha[t - 1, s - 1])
            if s > 1 and symbols[s] != 0 and symbols[s] != symbols[s - 2]:
                a = np.logaddexp(a, alpha[t - 1, s - 2])
            alpha[t, s] = a + scores[t, symbols[s]]
    return -np.logaddexp(alpha[-1, -1], alpha[-1, -2])


SOURCE = """
#include <math.h>
static double top(double a, double b) { return a > b ? a : b; }

static void log_softmax(long frames, long k, const double *restrict x, double *restrict y) {
    for (long t = 0; t < frames; t++) {
        double peak = x[t * k], sum = 0.0;
        for (long i = 1; i < k; i++)
            peak = top(peak, x[t * k + i]);
        for (long i = 0; i < k; i++)
            sum += exp(x[t * k + i] - peak);
        sum = peak + log(sum);
        for (long i = 0; i < k; i++)
            y[t * k + i] = x[t * k + i] - sum;
    }
}

/* scores: frames k; alpha: 2 states */
double value(long frames, long k, long count, const double *restrict logits, const long *restrict labels,
             double *restrict scores, double *restrict alpha) {
    long states = 2 * count + 1;
    double *before = alpha, *now = alpha + states;
    log_softmax(frames, k, logits, scores);
    for (long s = 0; s < states; s++)
        before[s] = -INFINITY;
    before[0] = scores[0];
    before[1] = scores[labels[0]];
    for (long t = 1; t < frames; t++) {
        for (long s = 0; s < states; s++) {
            long symbol = s % 2 ? labels[s / 2] : 0;
            double a = before[s], b = s > 0 ? before[s - 1] : -INFINITY, c = -INFINITY;
            if (s > 1 && s % 2 && symbol != labels[s / 2 - 1])
                c = before[s - 2];
            double m = top(top(a, b), c);
            now[s] = m == -INFINITY ? m : m + log(exp(a - m) + exp(b - m) + exp(c - m)) + scores[t * k + symbol];
        }
        double *swap = before;
        before = now;
        now = swap;
    }
    double a = before[states - 1], b = before[states - 2], m = top(a, b);
    return -(m + log(exp(a - m) + exp(b - m)));
}

/* weights: 3 frames states, by how much each state depends on the three before; ct: 2 states */
double derivative(long frames, long k, long count, const double *restrict logits, const long *restrict labels,
                  double *restrict scores, double *restrict alpha, double *restrict weights, double *restrict ct, double *restrict g) {
    long states = 2 * count + 1;
    double *before = alpha, *now = alpha + states;
    log_softmax(frames, k, logits, scores);
    for (long s = 0; s < states; s++)
        before[s] = -INFINITY;
    before[0] = scores[0];
    before[1] = scores[labels[0]];
    for (long t = 1; t < frames; t++) {
        for (long s = 0; s < states; s++) {
            long symbol = s % 2 ? labels[s / 2] : 0;
            double a = before[s], b = s > 0 ? before[s - 1] : -INFINITY, c = -INFINITY;
            double *w = weights + 3 * (t * states + s);
            if (s > 1 && s % 2 && symbol != labels[s / 2 - 1])
                c = before[s - 2];
            double m = top(top(a, b), c);
            if (m == -INFINITY) {
                now[s] = m;
                w[0] = w[1] = w[2] = 0.0;
            } else {
                double ea = exp(a - m), eb = exp(b - m), ec = exp(c - m), sum = ea + eb + ec;
                now[s] = m + log(sum) + scores[t * k + symbol];
                w[0] = ea / sum;
                w[1] = eb / sum;
                w[2] = ec / sum;
            }
        }
        double *swap = before;
        before = now;
        now = swap;
    }
    double a = before[states - 1], b = before[states - 2], m = top(a, b), ea = exp(a - m), eb = exp(b - m);
    double *after = ct, *here = ct + states;
    for (long s = 0; s < states; s++)
        after[s] = 0.0;
    after[states - 1] = -ea / (ea + eb);
    after[states - 2] = -eb / (ea + eb);
    for (long t = frames - 1; t >= 0; t--) {
        double *restrict row = g + t * k, sum = 0.0;
        for (long i = 0; i < k; i++)
            row[i] = 0.0;
        for (long s = 0; s < states; s++) {
            row[s % 2 ? labels[s / 2] : 0] += after[s];
            sum += after[s];
            here[s] = 0.0;
        }
        for (long i = 0; i < k; i++)
            row[i] -= sum * exp(scores[t * k + i]);
        if (t) {
            const double *w = weights + 3 * t * states;
            for (long s = 0; s < states; s++) {
                here[s] += after[s] * w[3 * s];
                if (s > 0)
                    here[s - 1] += after[s] * w[3 * s + 1];
                if (s > 1)
                    here[s - 2] += after[s] * w[3 * s + 2];
            }
        }
        double *swap = after;
        after = here;
        here = swap;
    }
    return -(m + log(ea + eb));
}
"""


class CTC(Problem):
    name = "ctc"
    title = "CTC loss"
    group = "loops"
    sizes = {
        "12x5": {"frames": 12, "symbols": 6, "length": 5},
        "60x15": {"frames": 60, "symbols": 30, "length": 15},
        "200x50": {"frames": 200, "symbols": 30, "length": 50},
    }
    scale = staticmethod(lambda frames, symbols, length: frames * (2 * length + 1))
    without = {
        "torch_compiled": "torch has the loss built in",
        "autograd": "its logaddexp of two infinities has no derivative",
        "casadi": "a graph node for every cell",
    }

    def data(self, frames: int, symbols: int, length: int) -> tuple[Any, ...]:
        rng = np.random.default_rng(0)
        return rng.normal(size=(frames, symbols)), rng.integers(1, symbols, size=length)

    def wengert(self, *data: Any) -> Entry:
        return idiom.wengert(ctc, data, 0)

    def c(self, logits: Any, labels: Any) -> Entry:
        from benchmarks.suite.c import Program

        program, (frames, k), count = Program(SOURCE), logits.shape, len(labels)
        states, g = 2 * count + 1, np.empty(logits.shape)
        arguments = (frames, k, count, logits, labels, np.empty(logits.shape), np.empty((2, states)))
        value = program.bound("value", *arguments)
        derivative = program.bound("derivative", *arguments, np.empty((frames, states, 3)), np.empty((2, states)), g)
        return Entry(value, lambda: (derivative(), g), lines_of(SOURCE))

    def jax(self, logits: Any, labels: Any) -> Entry:
        import jax
        import jax.numpy as jnp

        def ctc(logits, labels):
            scores = jax.nn.log_softmax(logits, axis=1)
            symbols = jnp.zeros(2 * len(labels) + 1, dtype=int).at[1::2].set(labels)
            never = -1e30  # logaddexp of two infinities has no derivative
            skip = jnp.where((symbols[2:] != 0) & (symbols[2:] != symbols[:-2]), 0.0, never)
            scores = scores[:, symbols]
            start = jnp.full(len(symbols), never).at[:2].set(scores[0, :2])
            head = jnp.full(2, never)

            def step(alpha, score):
                one = jnp.concatenate((head[:1], alpha[:-1]))
                two = jnp.concatenate((head, alpha[:-2] + skip))
                return jax.nn.logsumexp(jnp.stack((alpha, one, two)), axis=0) + score, None

            alpha, _ = jax.lax.scan(step, start, scores[1:])
            return -jnp.logaddexp(alpha[-1], alpha[-2])

        return idiom.jax(ctc, (logits, labels), 0)

    def torch(self, logits: Any, labels: Any) -> Entry:
        import torch

        def ctc(logits, labels):
            scores = torch.log_softmax(logits, 1)
            lengths = torch.tensor([len(logits)]), torch.tensor([len(labels)])
            return torch.nn.functional.ctc_loss(scores[:, None], labels[None], *lengths, reduction="sum")

        return idiom.torch(ctc, (logits, labels), 0)
