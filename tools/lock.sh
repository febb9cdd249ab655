#!/bin/sh
# Compiles requirements/*.txt, with hashes, from pyproject.toml; `make lock` calls it.
#
#     tools/lock.sh PATH_OF_UV [--upgrade]
#
# dev.txt is compiled first and constrains the others, so that what is tested is what is run.
set -eu
cd "$(dirname "$0")/.."
uv=$1
shift

compile() {
    out=requirements/$1.txt
    shift
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links --output-file "$out" "$@"
}

compile dev "$@" pyproject.toml --extra demo --group dev
compile demo pyproject.toml --extra demo --group build --constraints requirements/dev.txt
compile run pyproject.toml --constraints requirements/dev.txt
compile node "$@" requirements/node.in
