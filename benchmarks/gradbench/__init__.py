"""The suite's programs behind GradBench's protocol, so that its own evals drive and validate them. Start at `protocol.serve`."""
