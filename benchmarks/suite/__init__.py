"""Every problem in wengert and in each peer's best idiom: results compared, then timed side by side. Start at `problem.Problem`."""
