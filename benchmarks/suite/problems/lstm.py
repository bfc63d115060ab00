"""GradBench's lstm: the loss of an LSTM with diagonal weights that predicts the next of a sequence of characters, and its gradient.

A loop over thousands of characters within which there is one over layers, of vectors of 14 numbers (a character's bits). (After ADBench.)
"""

from __future__ import annotations

import numpy as np

import wengert as wg
from benchmarks.suite.c import Program
from benchmarks.suite.problem import Entry, Problem, lines_of


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def lstm(parameters, extra, state, sequence):
    """parameters: for each layer a row of weights and one of biases; extra: input's weight, output's weight and bias."""
    b = len(extra[0])
    state, total = state.copy(), 0.0
    for t in range(len(sequence) - 1):
        x = sequence[t] * extra[0]
        for i in range(0, len(state), 2):
            weight, bias, hidden, cell = parameters[i].reshape(4, b), parameters[i + 1].reshape(4, b), state[i], state[i + 1]
            forget = sigmoid(x * weight[0] + bias[0])
            ingate = sigmoid(hidden * weight[1] + bias[1])
            outgate = sigmoid(x * weight[2] + bias[2])
            change = np.tanh(hidden * weight[3] + bias[3])
            state[i + 1] = cell * forget + ingate * change
            state[i] = outgate * np.tanh(state[i + 1])
            x = state[i]
        y = x * extra[1] + extra[2]
        total += np.sum(sequence[t + 1] * (y - np.log(2.0 + np.sum(np.exp(y)))))
    return -total / (b * (len(sequence) - 1))


SOURCE = """
#include <math.h>
#include <string.h>
static inline double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }
/* `tape`, where there is one: of each step and layer x, hidden and cell before, gates, change, tanh(cell); then x, exp(y), gold / sum */
static inline double loss(long l, long c, long b, const double *restrict P, const double *restrict E, const double *restrict start,
             const double *restrict sequence, double *restrict tape) {
    double state[2 * l * b], x[b], total = 0.0;
    memcpy(state, start, sizeof state);
    for (long t = 0; t < c - 1; t++) {
        double *restrict step = tape ? tape + t * (8 * l * b + 2 * b + 1) : 0, sum = 2.0, gold = 0.0, dot = 0.0;
        for (long j = 0; j < b; j++) x[j] = sequence[t * b + j] * E[j];
        for (long i = 0; i < l; i++) {
            const double *restrict w = P + 8 * b * i, *restrict bias = w + 4 * b;
            double *restrict h = state + 2 * b * i, *restrict cell = h + b;
            for (long j = 0; j < b; j++) {
                double forget = sigmoid(x[j] * w[j] + bias[j]), ingate = sigmoid(h[j] * w[b + j] + bias[b + j]);
                double outgate = sigmoid(x[j] * w[2 * b + j] + bias[2 * b + j]), change = tanh(h[j] * w[3 * b + j] + bias[3 * b + j]);
                double next = cell[j] * forget + ingate * change, flat = tanh(next);
                if (tape) {
                    double *restrict k = step + 8 * b * i;
                    k[j] = x[j]; k[b + j] = h[j]; k[2 * b + j] = cell[j]; k[3 * b + j] = forget;
                    k[4 * b + j] = ingate; k[5 * b + j] = outgate; k[6 * b + j] = change; k[7 * b + j] = flat;
                }
                cell[j] = next;
                x[j] = h[j] = outgate * flat;
            }
        }
        for (long j = 0; j < b; j++) {
            double y = x[j] * E[b + j] + E[2 * b + j], e = exp(y), g = sequence[(t + 1) * b + j];
            sum += e; gold += g; dot += g * y;
            if (tape) { step[8 * l * b + j] = x[j]; step[8 * l * b + b + j] = e; }
        }
        if (tape) step[8 * l * b + 2 * b] = gold / sum;
        total += dot - gold * log(sum);
    }
    return -total / (b * (c - 1));
}
double value(long l, long c, long b, const double *restrict P, const double *restrict E, const double *restrict start,
             const double *restrict sequence) {
    return loss(l, c, b, P, E, start, sequence, 0);
}
double gradient(long l, long c, long b, const double *restrict P, const double *restrict E, const double *restrict start,
                const double *restrict sequence, double *restrict tape, double *restrict Pb, double *restrict Eb) {
    double stateb[2 * l * b], xb[b];
    double result = loss(l, c, b, P, E, start, sequence, tape), scale = -1.0 / (b * (c - 1));
    memset(stateb, 0, sizeof stateb);
    memset(Pb, 0, 8 * l * b * sizeof(double));
    memset(Eb, 0, 3 * b * sizeof(double));
    for (long t = c - 2; t >= 0; t--) {
        const double *restrict step = tape + t * (8 * l * b + 2 * b + 1);
        for (long j = 0; j < b; j++) {
            double yb = scale * (sequence[(t + 1) * b + j] - step[8 * l * b + 2 * b] * step[8 * l * b + b + j]);
            Eb[b + j] += yb * step[8 * l * b + j];
            Eb[2 * b + j] += yb;
            xb[j] = yb * E[b + j];
        }
        for (long i = l - 1; i >= 0; i--) {
            const double *restrict w = P + 8 * b * i, *restrict k = step + 8 * b * i;
            double *restrict wb = Pb + 8 * b * i, *restrict biasb = wb + 4 * b, *restrict hb = stateb + 2 * b * i, *restrict cb = hb + b;
            for (long j = 0; j < b; j++) {
                double x = k[j], h = k[b + j], cell = k[2 * b + j], forget = k[3 * b + j], ingate = k[4 * b + j], outgate = k[5 * b + j];
                double change = k[6 * b + j], flat = k[7 * b + j], out = xb[j] + hb[j];
                double nextb = cb[j] + out * outgate * (1.0 - flat * flat);
                double f = nextb * cell * forget * (1.0 - forget), g = nextb * change * ingate * (1.0 - ingate);
                double o = out * flat * outgate * (1.0 - outgate), z = nextb * ingate * (1.0 - change * change);
                wb[j] += f * x; biasb[j] += f;
                wb[b + j] += g * h; biasb[b + j] += g;
                wb[2 * b + j] += o * x; biasb[2 * b + j] += o;
                wb[3 * b + j] += z * h; biasb[3 * b + j] += z;
                xb[j] = f * w[j] + o * w[2 * b + j];
                hb[j] = g * w[b + j] + z * w[3 * b + j];
                cb[j] = nextb * forget;
            }
        }
        for (long j = 0; j < b; j++) Eb[j] += xb[j] * sequence[t * b + j];
    }
    return result;
}
"""


class Lstm(Problem):
    name, title, group = "lstm", "LSTM with diagonal weights", "gradbench"
    sizes = {"2,1024": {"layers": 2, "c": 1024}, "4,4096": {"layers": 4, "c": 4096}, "6,8192": {"layers": 6, "c": 8192}}
    without = {
        "torch_compiled": "the loop over thousands of characters would be unrolled",
        "autograd": "as PyTorch: half a second to minutes, some µs an operation",
    }

    @staticmethod
    def scale(layers, c):
        return float(layers * c)

    def data(self, layers, c):
        rng = np.random.default_rng(31337)
        sequence = rng.integers(0, 2, (c, 14)).astype(float)
        return rng.random((2 * layers, 56)), rng.random((3, 14)), rng.random((2 * layers, 14)), sequence

    def wengert(self, *data):
        value, derivative = wg.jit(lstm), wg.jit(wg.value_and_grad(lstm, (0, 1)))
        return Entry(lambda: value(*data), lambda: derivative(*data), lines_of(sigmoid, lstm))

    def c(self, parameters, extra, state, sequence):
        program, c, b = Program(SOURCE), *sequence.shape
        gradient = np.empty_like(parameters), np.empty_like(extra)
        size = len(state) // 2
        tape = np.empty((c - 1) * (8 * size * b + 2 * b + 1))
        value = program.bound("value", size, c, b, parameters, extra, state, sequence)
        derivative = program.bound("gradient", size, c, b, parameters, extra, state, sequence, tape, *gradient)
        return Entry(value, lambda: (derivative(), gradient), lines_of(SOURCE))

    def jax(self, *data):
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)

        def lstm(parameters, extra, state, sequence):
            layers, b = len(parameters) // 2, sequence.shape[1]
            weights, biases = jnp.moveaxis(parameters.reshape(layers, 2, 4, b), 1, 0)

            def step(state, inputs):
                hidden, cells, (now, gold) = *state, inputs
                ingates = jax.nn.sigmoid(hidden * weights[:, 1] + biases[:, 1])
                changes = jnp.tanh(hidden * weights[:, 3] + biases[:, 3])
                x, new_hidden, new_cells = now * extra[0], [], []
                for i in range(layers):
                    cell = cells[i] * jax.nn.sigmoid(x * weights[i, 0] + biases[i, 0]) + ingates[i] * changes[i]
                    x = jax.nn.sigmoid(x * weights[i, 2] + biases[i, 2]) * jnp.tanh(cell)
                    new_hidden.append(x)
                    new_cells.append(cell)
                y = x * extra[1] + extra[2]
                loss = jnp.sum(gold * (y - jnp.log(2.0 + jnp.sum(jnp.exp(y)))))
                return (jnp.stack(new_hidden), jnp.stack(new_cells)), loss

            _, losses = jax.lax.scan(step, (state[::2], state[1::2]), (sequence[:-1], sequence[1:]))
            return -jnp.sum(losses) / (b * (len(sequence) - 1))

        theirs, value, derivative = [jnp.asarray(x) for x in data], jax.jit(lstm), jax.jit(jax.value_and_grad(lstm, (0, 1)))
        return Entry(lambda: jax.block_until_ready(value(*theirs)), lambda: jax.block_until_ready(derivative(*theirs)), lines_of(lstm))

    def torch(self, *data):
        import torch

        def lstm(parameters, extra, state, sequence):
            b, total = sequence.shape[1], 0.0
            weights = [[w.reshape(4, b) for w in pair] for pair in parameters.reshape(-1, 2, 4 * b)]
            state = [tuple(pair) for pair in state.reshape(-1, 2, b)]
            for t in range(len(sequence) - 1):
                x = sequence[t] * extra[0]
                for i, ((weight, bias), (hidden, cell)) in enumerate(zip(weights, state, strict=True)):
                    gates = torch.stack([x, hidden, x, hidden]) * weight + bias
                    forget, ingate, outgate = torch.sigmoid(gates[:3])
                    cell = cell * forget + ingate * torch.tanh(gates[3])
                    x = outgate * torch.tanh(cell)
                    state[i] = x, cell
                y = x * extra[1] + extra[2]
                total = total + torch.sum(sequence[t + 1] * (y - torch.log(2.0 + torch.sum(torch.exp(y)))))
            return -total / (b * (len(sequence) - 1))

        parameters, extra, *rest = (torch.tensor(x) for x in data)
        active = parameters.clone().requires_grad_(), extra.clone().requires_grad_()

        def derivative():
            loss = lstm(*active, *rest)
            return loss.detach(), torch.autograd.grad(loss, active)

        return Entry(lambda: lstm(parameters, extra, *rest), derivative, lines_of(lstm, derivative))

    def casadi(self, parameters, extra, state, sequence):
        """A step as a function, folded over the sequence."""
        import casadi

        size, b = len(state) // 2, sequence.shape[1]
        p, e = casadi.SX.sym("p", parameters.size), casadi.SX.sym("e", extra.size)
        carried, pair = casadi.SX.sym("s", state.size + 1), casadi.SX.sym("x", 2 * b)
        sigmoid = lambda x: 1.0 / (1.0 + casadi.exp(-x))
        parts = lambda x, k, n: [x[i * n : (i + 1) * n] for i in range(k)]
        x, new = pair[:b] * e[:b], []
        for i in range(size):
            w, bias = parts(p[8 * b * i :], 4, b), parts(p[8 * b * i + 4 * b :], 4, b)
            hidden, cell = parts(carried[2 * b * i :], 2, b)
            ingate, change = sigmoid(hidden * w[1] + bias[1]), casadi.tanh(hidden * w[3] + bias[3])
            cell = cell * sigmoid(x * w[0] + bias[0]) + ingate * change
            x = sigmoid(x * w[2] + bias[2]) * casadi.tanh(cell)
            new += [x, cell]
        y = x * e[b : 2 * b] + e[2 * b :]
        loss = casadi.dot(pair[b:], y - casadi.log(2.0 + casadi.sum1(casadi.exp(y))))
        step = casadi.Function("step", [carried, pair, p, e], [casadi.vertcat(*new, carried[-1] + loss)])
        steps = len(sequence) - 1
        P, E = casadi.MX.sym("P", parameters.size), casadi.MX.sym("E", extra.size)
        S, X = casadi.MX.sym("S", state.size + 1), casadi.MX.sym("X", 2 * b, steps)
        last = step.mapaccum("steps", steps)(S, X, casadi.repmat(P, 1, steps), casadi.repmat(E, 1, steps))[-1, -1]
        total = -last / (b * steps)
        value = casadi.Function("f", [P, E, S, X], [total])
        derivative = casadi.Function("g", [P, E, S, X], [total, casadi.gradient(total, P), casadi.gradient(total, E)])
        given = [casadi.DM(parameters.ravel()), casadi.DM(extra.ravel()), casadi.DM([*state.ravel(), 0.0])]
        given.append(casadi.DM(np.concatenate([sequence[:-1], sequence[1:]], axis=1).T))

        def gradient():
            loss, by_parameters, by_extra = derivative(*given)
            return float(loss), (np.asarray(by_parameters).reshape(parameters.shape), np.asarray(by_extra).reshape(extra.shape))

        return Entry(lambda: float(value(*given)), gradient, 30)
