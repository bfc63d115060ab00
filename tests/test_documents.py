"""The Python in README, CONTRIBUTING and docs/ runs as written; the README has exactly its two set-up commands; examples run."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

import wengert as wg
import wengert.check
import wengert.extend
import wengert.methods
import wengert.nn

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
BLOCK = re.compile(r'^```(\w+)(?: needs="(\w+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)  # needs: a package that the tests do not install


def found(document):
    return BLOCK.finditer(document.read_text(encoding="utf-8"))


def blocks(document, language, packages=()):
    """The blocks of a language, in order; of those that need a package, the ones that need one of these."""
    return [m[3] for m in found(document) if m[1] == language and (m[2] is None or m[2] in packages)]


COMPARISONS = [(document, package) for document in DOCUMENTS for package in sorted({m[2] for m in found(document)} - {None})]


def run(file, folder):
    """A program runs, with warnings as errors."""
    done = subprocess.run([sys.executable, "-W", "error", str(file)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def run_blocks(document, folder, packages=()):
    code = blocks(document, "python", packages)
    if code:
        program = folder / f"{document.stem}.py"
        program.write_text("\n\n".join(code), encoding="utf-8")
        run(program, folder)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_python_blocks_run(document, tmp_path):
    run_blocks(document, tmp_path)


@pytest.mark.parametrize(("document", "package"), COMPARISONS, ids=lambda p: p if isinstance(p, str) else str(p.relative_to(ROOT)))
def test_comparisons_run_where_their_package_is_installed(document, package, tmp_path):
    pytest.importorskip(package, reason=f"{document.name}: the blocks that need {package} are run only where it is installed")
    run_blocks(document, tmp_path, (package,))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_sessions_print_what_they_say(document):
    names = {}
    for i, session in enumerate(blocks(document, "pycon")):
        test = doctest.DocTestParser().get_doctest(session, names, f"{document.name}[{i}]", str(document), 0)
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
        runner.run(test, clear_globs=False)
        names = test.globs
        assert runner.failures == 0


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_examples_run(example, tmp_path):
    run(example, tmp_path)


def test_links_lead_somewhere():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", BLOCK.sub("", document.read_text(encoding="utf-8"))):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_readme_has_two_set_up_commands():
    commands = [c.strip() for c in blocks(ROOT / "README.md", "bash")]
    assert len([c for c in commands if "pip install" in c]) == 2
    assert commands[0].endswith("wengert demo")
    assert "pytest" in commands[1]


def test_every_public_name_stands_in_the_reference():
    text = "\n".join(page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs" / "reference").glob("*.md")))
    described = {name.rsplit(".", 1)[1] for name in re.findall(r"^::: (wengert\.\S+)$", text, re.MULTILINE)}
    assert set(wg.__all__) <= described
    whole = {name for name in re.findall(r"^::: (wengert\.\S+)$", text, re.MULTILINE) if name in ("wengert.nn", "wengert.errors")}
    for module in (wengert.methods, wengert.check, wengert.extend, wengert.nn):
        assert module.__name__ in whole or set(module.__all__) <= described, module.__name__
