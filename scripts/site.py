"""Prepares the sources of the documentation site, and checks the links of the built site.

site.py source DOCS FOLDER REPOSITORY   copies the pages of DOCS/SUMMARY.md, and writes those of docs/openapi.json; links
                                        to other files lead to the repository
site.py check SITE REPOSITORY           fails if a link of the site leads to no page, to no heading, or to a file that this
                                        repository does not have
"""

import json
import posixpath
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import api_pages

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^\s*```")


def is_external(target: str) -> bool:
    return bool(urlsplit(target).scheme)


def rewrite(text: str, place) -> str:
    """Replaces the target of each link outside of code."""
    lines, is_code = [], False
    for line in text.split("\n"):
        if FENCE.match(line):
            is_code = not is_code
        elif not is_code:
            # Code in a line has an odd number of backticks before it.
            parts = line.split("`")
            if len(parts) % 2 == 1:
                joined = "`".join(parts)
                line = LINK.sub(
                    lambda match: match[0]
                    if joined[: match.start()].count("`") % 2
                    else f"]({place(match[1])})",
                    line,
                )
        lines.append(line)
    return "\n".join(lines)


def source(docs: Path, folder: Path, repository: str) -> None:
    root = docs.resolve().parent
    summary = (docs / "SUMMARY.md").read_text()
    pages = {posixpath.normpath(f"docs/{target}") for target in LINK.findall(summary)}
    pages |= {"docs/openapi.json"}

    def page(path: str) -> str:
        # The index of a folder has this name in mdBook.
        return path.replace("README.md", "index.md")

    def place_from(document: str):
        def place(target: str) -> str:
            if is_external(target) or target.startswith("#"):
                return target
            path, hash_sign, anchor = target.partition("#")
            path = posixpath.normpath(posixpath.join(posixpath.dirname(document), path))
            if path not in pages:
                kind = "tree" if (root / path).is_dir() else "blob"
                return f"{repository}/{kind}/main/{path}{hash_sign}{anchor}"
            return posixpath.relpath(page(path), posixpath.dirname(page(document)) or ".") + hash_sign + anchor

        return place

    for name in sorted(pages):
        target = folder / "src" / page(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = (root / name).read_text()
        target.write_text(rewrite(text, place_from(name)) if name.endswith(".md") else text)
    # The pages of the endpoints follow the explanation of all endpoints.
    lines = api_pages.write(docs / "openapi.json", folder / "src/docs/api")
    explanation = "- [Endpoints](endpoints.md)\n"
    if explanation not in summary:
        sys.exit("SUMMARY.md has no page about endpoints")
    summary = summary.replace(explanation, explanation + "".join(f"{line}\n" for line in lines))

    # The summary is at the root of the book.
    def from_root(target: str) -> str:
        return page(posixpath.normpath(f"docs/{target}"))

    (folder / "src/SUMMARY.md").write_text(rewrite(summary, from_root))
    book = (docs / "book.toml").read_text().replace("REPOSITORY", repository)
    (folder / "book.toml").write_text(book)


class Page(HTMLParser):
    """The anchors of a page and the targets of its links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.targets: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if values.get("id"):
            self.anchors.add(values["id"])
        for name in ("href", "src"):
            if values.get(name):
                self.targets.append(values[name])


def problem_of_file(target: str, repository: str, root: Path) -> str | None:
    """Returns the problem of a link to a file or folder of the repository, such as one that edits a page."""
    kind, _, path = unquote(urlsplit(target.removeprefix(f"{repository}/")).path).partition("/main/")
    if kind not in ("blob", "edit", "raw", "tree") or (root / path).exists():
        return None
    return f"{target} is not in the repository"


def check(site: Path, repository: str) -> None:
    root = Path(__file__).resolve().parent.parent
    pages = {path.relative_to(site).as_posix(): Page(path.read_text()) for path in site.rglob("*.html")}
    # The page for wrong addresses has links from the root. The page for prints repeats all others.
    checked = {name: page for name, page in pages.items() if name not in ("404.html", "print.html")}
    problems, count = [], 0
    for name, page in sorted(checked.items()):
        for target in page.targets:
            if is_external(target):
                if target.startswith(f"{repository}/"):
                    count += 1
                    problem = problem_of_file(target, repository, root)
                    problems += [f"{name}: {problem}"] if problem else []
                continue
            count += 1
            path, _, anchor = target.partition("#")
            path = unquote(posixpath.normpath(posixpath.join(posixpath.dirname(name), path))) if path else name
            if not (site / path).is_file():
                problems.append(f"{name}: {target} does not exist")
            elif anchor and path in pages and unquote(anchor) not in pages[path].anchors:
                problems.append(f"{name}: {target} has no such heading")
    print(json.dumps({"pages": len(checked), "links": count, "problems": len(problems)}))
    if problems or len(checked) < 60:
        sys.exit("\n".join(problems) or "the site has too few pages")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["source", docs, folder, repository]:
            source(Path(docs), Path(folder), repository.rstrip("/"))
        case ["check", site, repository]:
            check(Path(site), repository.rstrip("/"))
        case _:
            sys.exit(__doc__)
