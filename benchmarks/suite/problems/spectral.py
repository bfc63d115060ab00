"""Deconvolution through an FFT: a signal, blurred and delayed by unknown amounts, fitted to what was observed, with roughness penalised."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.suite import idiom
from benchmarks.suite.problem import Entry, Problem


def misfit(signal, width, delay, observed, strength):
    n = len(signal)
    frequency = np.fft.rfftfreq(n)
    response = np.exp(-0.5 * (width * frequency) ** 2 - 2j * np.pi * delay * frequency)
    blurred = np.fft.irfft(response * np.fft.rfft(signal), n)
    return np.sum((blurred - observed) ** 2) + strength * np.sum((signal[1:] - signal[:-1]) ** 2)


class Spectral(Problem):
    name = "spectral"
    title = "deconvolution through an FFT"
    group = "arrays"
    sizes = {"1024": {"n": 1 << 10}, "32768": {"n": 1 << 15}, "1048576": {"n": 1 << 20}}
    scale = staticmethod(lambda n: float(n))
    without = {
        "c": "its time is that of a library's FFT",
        "casadi": "no FFT",
    }

    def data(self, n: int) -> tuple[Any, ...]:
        rng = np.random.default_rng(0)
        return np.cumsum(rng.normal(size=n)) / np.sqrt(n), np.array(12.0), np.array(3.5), rng.normal(size=n), 0.1

    def wengert(self, *data: Any) -> Entry:
        return idiom.wengert(misfit, data, (0, 1, 2))

    def jax(self, *data: Any) -> Entry:
        import jax.numpy as jnp

        def misfit(signal, width, delay, observed, strength):
            n = len(signal)
            frequency = jnp.fft.rfftfreq(n)
            response = jnp.exp(-0.5 * (width * frequency) ** 2 - 2j * jnp.pi * delay * frequency)
            blurred = jnp.fft.irfft(response * jnp.fft.rfft(signal), n)
            return jnp.sum((blurred - observed) ** 2) + strength * jnp.sum((signal[1:] - signal[:-1]) ** 2)

        return idiom.jax(misfit, data, (0, 1, 2))

    def torch(self, *data: Any, compiled: bool = False) -> Entry:
        import torch

        def misfit(signal, width, delay, observed, strength):
            n = len(signal)
            frequency = torch.fft.rfftfreq(n, dtype=signal.dtype)
            response = torch.exp(-0.5 * (width * frequency) ** 2 - 2j * torch.pi * delay * frequency)
            blurred = torch.fft.irfft(response * torch.fft.rfft(signal), n)
            return torch.sum((blurred - observed) ** 2) + strength * torch.sum((signal[1:] - signal[:-1]) ** 2)

        return idiom.torch(misfit, data, (0, 1, 2), compiled=compiled)

    def torch_compiled(self, *data: Any) -> Entry:
        return self.torch(*data, compiled=True)

    def autograd(self, *data: Any) -> Entry:
        import autograd.numpy as anp

        def misfit(signal, width, delay, observed, strength):
            n = len(signal)
            frequency = np.fft.rfftfreq(n)
            response = anp.exp(-0.5 * (width * frequency) ** 2 - 2j * anp.pi * delay * frequency)
            blurred = anp.fft.irfft(response * anp.fft.rfft(signal), n)
            return anp.sum((blurred - observed) ** 2) + strength * anp.sum((signal[1:] - signal[:-1]) ** 2)

        return idiom.autograd(misfit, data, (0, 1, 2))
