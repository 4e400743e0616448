#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ./labe new NAME: copies tool/new to the new folder NAME (a path is fine). Never writes into one that exists.

. "$(dirname "$0")/common.sh"
[ $# -ge 1 ] || usage_error "new needs a name"
[ $# -eq 1 ] || usage_error "new: one name, not $#"
case $1 in
-*) usage_error "new: unknown option '$1'" ;;
esac
folder=${1%/}
name=$(basename -- "$folder")
case $name in
'' | [!A-Za-z]* | *[!A-Za-z0-9_-]*)
    usage_error "new: '$name' is no name: a letter first, then letters, digits, _ and -" ;;
esac
if [ -e "$folder" ] || [ -L "$folder" ]; then
    usage_error "new: '$folder' exists already; nothing was changed"
fi
[ -d "$(dirname -- "$folder")" ] || usage_error "new: there is no folder '$(dirname -- "$folder")'"
mkdir -- "$folder" || exit 1
for f in "$root"/tool/new/*; do
    sed "1{/SPDX-License/d;}; s/@NAME@/$name/g" "$f" > "$folder/$(basename "$f")"
done
case $folder in /*) shown=$folder ;; *) shown=./$folder ;; esac
printf '%s\n' "$shown is there: client.c, server.c, boot.lua. Run it with:" "    $root/labe run $shown"
