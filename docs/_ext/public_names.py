"""The directive ``public-names``: the documentation of every public name made in a room, a folder or a file.

    ```{public-names} thermodynamics
    ```

in the order of the package's stubs, so that a name added there is on its page without another line.
``tests/house/test_site.py`` holds that every public name lies in a part that some page names.
"""

from __future__ import annotations

from docutils import nodes
from docutils.statemachine import StringList
from names import PACKAGE, Public, names_in
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.parsing import nested_parse_to_nodes


def documented(public: Public) -> list[str]:
    """The lines that have autodoc write about one name."""
    lines = [f".. auto{public.kind}:: {public.address}"]
    if public.kind == "class":
        lines += ["   :members:"]
    return [*lines, ""]


class PublicNames(SphinxDirective):
    """See the file's docstring."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The nodes of all names, each by autodoc."""
        found = names_in(self.arguments[0])
        if not found:
            raise self.error(
                f"public-names: got {self.arguments[0]!r}, need a part of the package with public names"
            )
        for stub in PACKAGE.rglob("__init__.pyi"):  # a name added there makes the page anew
            self.env.note_dependency(str(stub))
        directives = [line for public in found for line in documented(public)]
        source = StringList(["```{eval-rst}", *directives, "```"], source=self.get_source_info()[0])
        return nested_parse_to_nodes(self.state, source)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("public-names", PublicNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
