"""Pages of the documentation site that are files elsewhere: README, CONTRIBUTING, the examples, and the sources that pages link to.

Knows MkDocs' hooks and where files lie; nothing of the package. Start at `on_files`.
"""

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}
FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(\]\()(?!https?:|mailto:|#)([^)#\s]+)")
NEEDS = re.compile(r'^(```\w+) needs="(\w+)"$', re.MULTILINE)  # a block that tests/test_documents.py runs only where it can


def page_of(path: str) -> str | None:
    """Where on the site a file of the repository is, by the path from its root; None if it is not there."""
    if path in PAGES:
        return PAGES[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path.startswith("examples/") and path.endswith(".py"):
        return path.removesuffix(".py") + ".md"
    if path.startswith(("src/", "tests/", "benchmarks/")) and path.endswith(".py"):
        return f"source/{path.removesuffix('.py')}.md"
    return None


def links(text: str) -> list[str]:
    """The targets of a text's links, code left out."""
    return [m[2] for m in LINK.finditer(FENCE.sub("", text))]


def relinked(text: str, written: str, shown: str) -> str:
    """A text that is written in one place of the repository and shown on another page of the site, its links kept right."""

    def to_page(match: re.Match[str]) -> str:
        page = page_of(normpath(str(PurePosixPath(written).parent / match[2])))
        return match[1] + (match[2] if page is None else relpath(page, PurePosixPath(shown).parent))

    out, end = [], 0
    for fence in FENCE.finditer(text):
        out += [LINK.sub(to_page, text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*out, LINK.sub(to_page, text[end:])])


def listing(path: str) -> str:
    """A page that shows a Python file."""
    return f"# {path}\n\n``````python\n{(ROOT / path).read_text(encoding='utf-8').rstrip()}\n``````\n"


def example(path: str) -> str:
    """A page that shows an example: its docstring, then the program."""
    text = (ROOT / path).read_text(encoding="utf-8")
    docstring, program = re.fullmatch(r'"""(.*?)"""\n(.*)', text, re.DOTALL).groups()
    return f"# {label(PurePosixPath(path).stem)}\n\n{docstring.strip()}\n\n``````python\n{program.strip()}\n``````\n"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """In the navigation, a folder stands for its pages."""
    for section in config.nav:
        for title, folder in section.items():
            if isinstance(folder, str) and folder.endswith("/"):
                names = [file.stem for home in (ROOT, ROOT / "docs") for file in sorted((home / folder).glob("*.*"))]
                section[title] = [{label(name): f"{folder}{name}.md"} for name in names]
    return config


def label(name: str) -> str:
    """The name of a file as a name in the navigation."""
    return re.sub("[-_]", " ", name.lstrip("0")).capitalize()


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie outside of docs/."""
    texts = {f"docs/{file.src_uri}": Path(file.abs_src_path).read_text(encoding="utf-8") for file in files.documentation_pages()}
    for path, page in PAGES.items():
        texts[path] = (ROOT / path).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=relinked(texts[path], path, page)))
    for file in sorted((ROOT / "examples").glob("*.py")):
        path = f"examples/{file.name}"
        files.append(File.generated(config, page_of(path), content=example(path)))
    linked = {normpath(str(PurePosixPath(where).parent / target)) for where, text in texts.items() for target in links(text)}
    for path in sorted(linked):
        page = page_of(path)
        if page is not None and page.startswith("source/"):
            files.append(File.generated(config, page, content=listing(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links that leave docs/ lead to the pages made here."""
    if page.file.generated_by is not None:
        return markdown
    return NEEDS.sub(r'\1 title="where \2 is installed"', relinked(markdown, f"docs/{page.file.src_uri}", page.file.src_uri))
