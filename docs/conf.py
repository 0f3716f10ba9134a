"""How the site is built: `make docs`. No network, no cell of a notebook is run, every warning is an error.

The source is the whole repository, of which the patterns below are the pages: notebooks, the list of experiments and
the changelog stay where they belong, and a relative link means the same on a code host and on the site.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

from thermodiff.version import __version__

project = "thermodiff"
author = "The thermodiff developers"
project_copyright = "The thermodiff developers, Apache-2.0"
release = version = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinxcontrib.bibtex",
    "plain_docstrings",
    "public_names",
    "drawn_mathematics",
]

root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "notebooks/*.ipynb",
    "experiments/README.md",
    "tests/exploration/data/README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
]
# Folders that are not walked through at all.
exclude_patterns = [".*", "results", "build", "dist", "docs/_*", "thermodiff", "**/__pycache__"]

# --- pages --------------------------------------------------------------------------------------
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "attrs_block"]
myst_heading_anchors = 4
myst_dmath_double_inline = True
nb_execution_mode = "off"
bibtex_bibfiles = [str(HERE / "references.bib")]
bibtex_default_style = "plain"
bibtex_reference_style = "author_year"

# --- the API ------------------------------------------------------------------------------------
nitpicky = True
# What a docstring names in a signature belongs to another package, or is a variable of a type: no page of ours.
nitpick_ignore_regex = [("py:.*", ".*")]
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
# What signatures call by a name of the house keeps that name.
autodoc_type_aliases = {
    name: name
    for name in (
        "Key",
        "Score",
        "Process",
        "Distribution",
        "Vector",
        "Scalar",
        "Samples2d",
        "Divergence",
        "Values",
    )
}
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
add_module_names = False
napoleon_numpy_docstring = False

# --- appearance ---------------------------------------------------------------------------------
html_theme = "furo"
html_title = f"thermodiff {release}"
html_static_path = ["_static"]
html_css_files = ["thermodiff.css"]
html_extra_path = ["_extra"]
html_show_sphinx = False
html_copy_source = False
html_math_renderer = "drawn"
highlight_language = "text"  # of formulas in docstrings; blocks of code name theirs
pygments_style = "friendly"
pygments_dark_style = "monokai"

# --- links to the outside, looked at by `make docs-links` alone ----------------------------------
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_anchors = False
