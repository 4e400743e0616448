# SPDX-License-Identifier: MIT
#
# What a boot consists of: $scratch/rom gets the files of rom/, $scratch/modules.list names them. Read by tool/run.sh,
# which sets script, files, batch, scratch. Later additions win over examples, never over the system's own programs.

# The system's programs in rom/ (sigma0 and moe are not).
own_programs=$(cd "$root/server" && ls -d -- * | sed '/^sigma0$/d; /^moe$/d; s/^rm$/l4re/' | tr '\n' ' ')

# rom_name FILE NAME: may FILE become rom/NAME?
rom_name() {
    case $2 in
    '' | .* | -* | *[!A-Za-z0-9._+-]*) usage_error "'$1': a file in rom/ has a name of letters, digits and . _ + -" ;;
    esac
    case " prompt.lua $own_programs" in
    *" $2 "*) usage_error "'$1': the name $2 belongs to the system" ;;
    esac
    if [ -e "$scratch/given/$2" ]; then
        usage_error "'$1': there are two files with the name $2"
    fi
}

# rom_add FILE NAME: FILE becomes rom/NAME.
rom_add() {
    rom_name "$1" "$2"
    : > "$scratch/given/$2"
    rm -f "$scratch/rom/$2"
    cp "$1" "$scratch/rom/$2"
}

# Every object of $1 with and without a main: prints those with ($2 = yes) or without.
objects() {
    for o in "$1"/*.o; do
        [ -e "$o" ] || continue
        has=no
        if nm "$o" | grep -q ' [TW] main$'; then has=yes; fi
        [ "$has" != "$2" ] || printf '%s\n' "$o"
    done
}

# compile DIR OBJECTS INCLUDE...: every source of DIR, all of them even after an error. gcc's words are not touched.
compile() {
    sources=$1
    objects=$2
    failed=0
    mkdir -p "$objects"
    for c in "$sources"/*.c; do
        [ -f "$c" ] || continue
        "$CC" $user_flags -I"$sources" -I"$folder" -c -o "$objects/$(basename "$c" .c).o" "$c" || failed=1
    done
    return "$failed"
}

# link_program NAME LIST-OF-OBJECTS
link_program() {
    # One object per line; IFS keeps blanks inside names.
    old_ifs=$IFS
    IFS='
'
    set -- "$1" $2
    IFS=$old_ifs
    name=$1
    shift
    rom_name "$folder/$name" "$name"
    (cd "$root" && "$CC" $user_link -Wl,-Ttext-segment="$addr_app" -s -o "$scratch/bin/$name" $crt "$@" \
        -Wl,--start-group $archives "$libgcc" -Wl,--end-group) || return 1
    rom_add "$scratch/bin/$name" "$name"
}

# A folder of a person's own: see ./labe help. Nothing is written into it.
compose_folder() {
    folder=$1
    user_flags=$(printf '%s' "$user_flags" | sed "s,\(-I\|-isystem \)\([^/ ]\),\1$root/\2,g")
    mkdir -p "$scratch/bin"
    bad=0
    compile "$folder" "$scratch/obj" || bad=1
    for sub in "$folder"/*/; do
        sub=${sub%/}
        set -- "$sub"/*.c
        [ -f "$1" ] || continue
        compile "$sub" "$scratch/sub/$(basename "$sub")" || bad=1
    done
    [ "$bad" = 0 ] || die "$folder does not compile; nothing was started"

    shared=$(objects "$scratch/obj" no)
    for o in "$scratch"/obj/*.o; do
        [ -f "$o" ] && [ "$(objects "$scratch/obj" yes | grep -cxF "$o")" = 1 ] || continue
        link_program "$(basename "$o" .o)" "$o
$shared" || bad=1
    done
    for sub in "$scratch"/sub/*/; do
        [ -d "$sub" ] || continue
        sub=${sub%/}
        name=$(basename "$sub")
        if [ -z "$(objects "$sub" yes)" ]; then
            say "$folder/$name: none of its C files has a main"
            bad=1
            continue
        fi
        link_program "$name" "$(objects "$sub" yes; objects "$sub" no)" || bad=1
    done
    [ "$bad" = 0 ] || die "$folder does not link; nothing was started"
    for f in "$folder"/*.lua; do
        [ -f "$f" ] && rom_add "$f" "$(basename "$f")"
    done
}

compose() {
    mkdir -p "$scratch/rom" "$scratch/given"
    eval "$(make -s --no-print-directory -C "$root" B="$build" ARCH="$arch" vars)"
    for name in $programs; do
        case $name in
        sigma0 | moe) ;;
        *) ln -s "$out/rom/$name" "$scratch/rom/$name" ;;
        esac
    done
    [ -n "$batch" ] || ln -s "$root/tool/prompt.lua" "$scratch/rom/prompt.lua"
    start=boot.lua
    if [ -z "$script" ]; then
        rom_add "$root/example/boot.lua" boot.lua
    elif [ -d "$script" ]; then
        compose_folder "${script%/}"
    else
        start=$(basename "$script")
        rom_add "$script" "$start"
    fi
    printf '%s' "$files" | while IFS= read -r f; do
        rom_add "$f" "$(basename "$f")" || exit $?
    done || exit $?
    {
        echo 'entry run'
        echo 'bootstrap boot -quiet'
        echo 'kernel kernel'
        echo 'sigma0 sigma0'
        if [ -n "$batch" ]; then
            echo "roottask moe --exit-port=0xf4 -- --wait-and-exit rom/$start"
        else
            echo "roottask moe --exit-port=0xf4 rom/prompt.lua rom/$start"
        fi
        for f in "$scratch"/rom/*; do
            echo "module rom/$(basename "$f")"
        done
    } > "$scratch/modules.list"
}
