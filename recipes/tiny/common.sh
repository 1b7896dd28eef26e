# Shared by build.sh, arms.sh and prose.sh, which source it after setting `here` to their folder.

data=${DATA:-$here/data}
python=${PYTHON:-python3}
tokenizer=$data/init
unmask=${UNMASK:-$here/../../build/unmask}
instruction_mix=chat=45,completion=20,infilling=35

say() {
    echo "${0##*/}: $*" >&2
}

# make_file FILE COMMAND...: write the command's standard output to FILE, unless FILE exists.
make_file() {
    target=$1
    shift
    if [ ! -e "$target" ]; then
        say "making $target"
        "$@" > "$target.part"
        mv "$target.part" "$target"
    fi
}

# check_sizes FOLDER SIZES: end the script if the folder has results of other sizes, since results that are there are kept.
check_sizes() {
    make_file "$1/sizes" echo "$2"
    if [ "$(cat "$1/sizes")" != "$2" ]; then
        say "$1 has results with $(cat "$1/sizes"), now it is $2; name another folder with DATA"
        exit 1
    fi
}

# pack SHARD OPTION-OF-INFILLING FILE...
pack() {
    shard=$1
    infilling=$2
    shift 2
    if [ ! -e "$shard" ]; then
        say "packing $shard"
        "$unmask" pack "$@" --infilling "$infilling" --tokenizer "$tokenizer" --output "$shard"
    fi
}
