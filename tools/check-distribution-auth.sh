#!/usr/bin/env bash
# docs/distribution-auth.md: each sentence with a number has a row in its table "Conformance", and each row a sentence and tests that exist.
# A test is a case of tests/registry.ndjson or tests/corpus/oci*.ndjson, or a function. Sentences that nothing shows yet are told.
#
# Usage: tools/check-distribution-auth.sh
set -euo pipefail
cd "$(dirname "$0")/.."

page=docs/distribution-auth.md
folders=(plugins/registry tests components/scope components/gate components/password host)
faults=0
fault() {
    echo "$page: $*" >&2
    faults=$((faults + 1))
}

# A sentence begins with its number in bold: **U-1**.
sentences=$(grep -oE '^\*\*[A-Z]-[0-9]+\*\*' "$page" | tr -d '*')
# A row: number, what Docker's documents say, tests.
rows=$(awk -F '|' '
    /^## / { inside = $0 == "## Conformance" }
    inside && $2 ~ /^ [A-Z]-[0-9]+ $/ {
        gsub(/[ \140]/, "", $2)
        tests = $4
        gsub(/\140/, "", tests)
        sub(/^ +/, "", tests)
        sub(/ +$/, "", tests)
        print $2 "\t" NF "\t" tests
    }' "$page")
numbers=$(cut -f1 <<<"$rows")

while read -r number; do
    fault "the number $number occurs twice"
done < <(sort <<<"$sentences" | uniq -d)
while read -r number; do
    fault "$number has two rows"
done < <(sort <<<"$numbers" | uniq -d)
while read -r number; do
    fault "$number has no row"
done < <(comm -23 <(sort -u <<<"$sentences") <(sort -u <<<"$numbers"))
while read -r number; do
    fault "there is a row for $number and no sentence"
done < <(comm -13 <(sort -u <<<"$sentences") <(sort -u <<<"$numbers"))
[ "$(wc -l <<<"$sentences")" -gt 50 ] || fault "the sentences were not read"

# Sentences say MUST, SHOULD, MAY or what they are about in a section of theirs; a key word without a number binds nobody that is tested.
while read -r line; do
    fault "a key word stands in a sentence without a number: $line"
done < <(awk '
    /^```/ { code = !code }
    /^## Overview and terms/ { terms = 1 }
    /^## Requests without/ { terms = 0 }
    /^## Conformance/ { exit }
    code || terms || /^[|#]/ { next }
    NF == 0 { numbered = 0; next }
    /^\*\*[A-Z]-[0-9]+\*\*/ { numbered = 1 }
    !numbered && /(^| )(MUST|SHOULD|SHALL|REQUIRED|RECOMMENDED|OPTIONAL)( |[.,:;]|$)/ { print FILENAME ":" FNR ": " $0 }' "$page")

ids=$(grep -ohE '^\{"id": ?"[^"]+"' tests/registry.ndjson tests/corpus/oci*.ndjson | sed 's/.*"\([^"]*\)"$/\1/' | sort -u)
functions=$(grep -rhoE --include='*.rs' --include='*.go' '\b(fn|func) [A-Za-z_][A-Za-z0-9_]*' "${folders[@]}" | awk '{ print $2 }' | sort -u)

shown=0 open=""
while IFS=$'\t' read -r number cells tests; do
    [ "$cells" -eq 5 ] || fault "the row of $number has not three cells"
    if [ "$tests" = "no test" ]; then
        open="$open $number"
        continue
    fi
    [ -n "$tests" ] || fault "the row of $number names no test"
    shown=$((shown + 1))
    while read -r test; do
        case $test in
            '') fault "$number: there is an empty name" ;;
            */*) grep -qxF -- "$test" <<<"$ids" || fault "$number: there is no case $test" ;;
            *) grep -qxF -- "$test" <<<"$functions" || fault "$number: there is no test $test" ;;
        esac
    done < <(sed 's/, */\n/g' <<<"$tests")
done <<<"$rows"

[ "$faults" -eq 0 ] || exit 1
echo "distribution-auth: $shown sentences are shown by tests; by none:${open:- -}"
