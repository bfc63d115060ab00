"""Train a small network with Variables, in batches, the way PyTorch programs are written.

Run it: `python examples/training_loop.py`.
"""

import numpy as np

import wengert as wg


def two_moons(n, rng):
    """Two half circles that reach into each other, and which of them a point is on."""
    angle = rng.uniform(0, np.pi, n)
    label = rng.integers(0, 2, n)
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points[label == 1] = [1.0, 0.5] - points[label == 1]
    return points + 0.1 * rng.normal(size=points.shape), label.astype(float)


class Network:
    """Two layers of tanh, and a number whose sign tells the class."""

    def __init__(self, sizes, rng):
        self.layers = [
            (wg.Variable(rng.normal(size=(m, n)) / np.sqrt(m)), wg.Variable(np.zeros(n)))
            for m, n in zip(sizes[:-1], sizes[1:], strict=True)
        ]

    def __call__(self, x):
        """The numbers of the points x."""
        for w, b in self.layers[:-1]:
            x = np.tanh(x @ w + b)
        w, b = self.layers[-1]
        return (x @ w + b)[:, 0]

    def parameters(self):
        """What is learned."""
        return [p for layer in self.layers for p in layer]


class Adam:
    """Kingma & Ba, Adam (2015)."""

    def __init__(self, parameters, rate=0.01, decay=(0.9, 0.999)):
        self.parameters, self.rate, self.decay, self.steps = parameters, rate, decay, 0
        self.moments = [(np.zeros(p.shape), np.zeros(p.shape)) for p in parameters]

    @wg.no_grad
    def step(self):
        """Go down the gradients, and forget them."""
        self.steps += 1
        a, b = self.decay
        for p, (first, second) in zip(self.parameters, self.moments, strict=True):
            first[...] = a * first + (1 - a) * p.grad
            second[...] = b * second + (1 - b) * p.grad**2
            p -= self.rate * first / (1 - a**self.steps) / (np.sqrt(second / (1 - b**self.steps)) + 1e-8)
            p.zero_grad()


def main(steps=300):
    rng = np.random.default_rng(0)
    points, labels = two_moons(600, rng)
    network = Network([2, 16, 16, 1], rng)
    adam = Adam(network.parameters())
    for step in range(steps):
        batch = rng.integers(0, 500, 64)
        z = network(points[batch])
        loss = np.mean(np.logaddexp(0.0, z) - labels[batch] * z)
        loss.backward()
        adam.step()
        if step % 100 == 0:
            print(f"step {step:4d}  loss {loss:.4f}")
    with wg.no_grad():
        right = np.mean((network(points[500:]) > 0) == (labels[500:] > 0)).item()
    print(f"of the points not seen, {right:.0%} are told right")
    assert right > 0.97
    return right


if __name__ == "__main__":
    main()
