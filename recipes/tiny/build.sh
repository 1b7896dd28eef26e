#!/bin/sh
# Rebuild the shipped model from nothing: data, tokenizer, stage 0 (autoregressive), stage 1 (diffusion).
#
#     recipes/tiny/build.sh            run from the root of the repository, after `make`
#
# Every step leaves its result in recipes/tiny/data and is skipped when that is there, and training continues from
# its last state, so the script may be stopped and started again.  Needs Debian's package sources for the code corpus;
# PYTHON names the interpreter.
set -eu

here=$(dirname "$0")
data=$here/data
python=${PYTHON:-python3}
unmask=${UNMASK:-build/unmask}
mkdir -p "$data/init"

# make FILE COMMAND...: FILE from the command's standard output, unless it exists.
make_file() {
    target=$1
    shift
    if [ ! -e "$target" ]; then
        echo "making $target" >&2
        "$@" > "$target.part"
        mv "$target.part" "$target"
    fi
}

make_file "$data/tasks.jsonl" "$python" "$here/tasks.py" documents --count 200000
make_file "$data/validation.jsonl" "$python" "$here/tasks.py" documents --count 1000 --split validation
make_file "$data/code.jsonl" "$python" "$here/corpus.py" --cache "$data/cache"
for split in validation test final wording; do
    make_file "$data/$split.tests.jsonl" "$python" "$here/tasks.py" tests --per-level 100 --split $split
done
if [ ! -e "$data/init/config.json" ]; then
    "$unmask" train-tokenizer "$data/tasks.jsonl" "$data/code.jsonl" --output "$data/init" --vocabulary-size 1024
    cp "$here/model/config.json" "$data/init/"
fi
# The real code counts three times: it is a twentieth of the documents.
make_file "$data/train.jsonl" cat "$data/tasks.jsonl" "$data/code.jsonl" "$data/code.jsonl" "$data/code.jsonl"
for part in train validation; do
    [ -e "$data/$part.shard" ] ||
        "$unmask" pack "$data/$part.jsonl" --tokenizer "$data/init" --output "$data/$part.shard"
done
for stage in stage0 stage1; do
    [ -e "$data/$stage/DONE" ] ||
        "$unmask" train "$here/$stage.json" --output "$data/$stage" --log "$data/$stage.log"
done
echo "the model is in $data/stage1" >&2
