#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ./labe doc: the manual's pages with their titles. ./labe doc PAGE: that page.

. "$(dirname "$0")/common.sh"
[ $# -le 1 ] || usage_error "doc: one page, not $#"
cd "$root/doc" 2> /dev/null || die "there is no folder doc in $root"
if [ $# -eq 0 ]; then
    find . -name '*.md' | sed 's,^\./,,' | sort | while IFS= read -r page; do
        printf '%-28s %s\n' "${page%.md}" "$(sed -n 's/^# \(.*\)$/\1/p' "$page" | head -n 1)"
    done
    exit 0
fi
page=${1%.md}.md
case $page in
/* | *..*) usage_error "doc: '$1' is no page of the manual" ;;
esac
[ -f "$page" ] || usage_error "doc: there is no page '$1'; ./labe doc lists them"
if [ -t 1 ]; then exec "${PAGER:-more}" "$page"; else exec cat "$page"; fi
