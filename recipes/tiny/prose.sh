#!/bin/sh
# Code against prose: a model of both, and the order in which it writes each.
#
#   STORIES=DIR recipes/tiny/prose.sh     DIR: stories260K of karpathy/tinyllamas, by tools/import_stories260k.py
#
# models/tiny is trained on with three kinds of documents in equal parts: functions to be written, descriptions of functions
# to be written, and stories to be continued.  `unmask analyze` then measures the order in held-out documents of each kind, at
# two temperatures: results are data/prose/order.TEMPERATURE.txt and pages beside them.  All have a canvas of 24 tokens, of which
# none may end the answer or pad it: a story, which the model is never sure of, would otherwise be ended after a few tokens.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
tokenizer=$here/../../models/tiny
: "${STORIES:?the folder that tools/import_stories260k.py wrote}"

mkdir -p "$data/prose"
printf '{"task_id": "story", "prompt": "<s>"}\n' > "$data/prose/beginning.jsonl"
make_file "$data/prose/samples.jsonl" "$unmask" generate --model "$STORIES" --special \
    --prompts "$data/prose/beginning.jsonl" -n 4000 --batch 32 --temperature 0.9 --length 150 --json
make_file "$data/prose/tasks.jsonl" "$python" "$here/tasks.py" documents --count 24000 --seed 12 --formats completion=1
make_file "$data/prose/code.jsonl" head -n 12000 "$data/prose/tasks.jsonl"
make_file "$data/prose/described.jsonl" tail -n 12000 "$data/prose/tasks.jsonl"
make_file "$data/prose/descriptions.jsonl" "$python" "$here/prose.py" descriptions "$data/prose/described.jsonl"
make_file "$data/prose/stories.jsonl" "$python" "$here/prose.py" stories "$data/prose/samples.jsonl"
pack "$data/prose.shard" canvas "$data/prose/code.jsonl" "$data/prose/descriptions.jsonl" "$data/prose/stories.jsonl"
if [ ! -e "$data/prose/model/DONE" ]; then
    "$unmask" train "$here/prose.json" --output "$data/prose/model" --set "model=$here/../../models/tiny" \
        --set "train=$data/prose.shard"
fi

make_file "$data/prose/problems.jsonl" "$python" "$here/tasks.py" problems --per-level 10 --split validation \
    --formats completion --seed 5
make_file "$data/prose/code.prompts.jsonl" "$python" "$here/order_prompts.py" code "$data/prose/problems.jsonl"
make_file "$data/prose/descriptions.prompts.jsonl" "$python" "$here/order_prompts.py" prose "$data/prose/problems.jsonl"
make_file "$data/prose/stories.prompts.jsonl" "$python" "$here/prose.py" stories "$data/prose/samples.jsonl" --prompts 60
ends=1016,1018,1023 # of models/tiny
for temperature in 0.2 1.0; do
    order="$data/prose/order.$temperature"
    set --
    for kind in code descriptions stories; do
        traces="$data/prose/$kind.$temperature.jsonl"
        make_file "$traces.json" "$unmask" analyze --model "$data/prose/model" --trace "$traces" \
            --prompts "$data/prose/$kind.prompts.jsonl" -n 2 --length 24 --suppress "$ends" --temperature "$temperature" --json
        set -- "$@" "$traces"
    done
    make_file "$order.txt" "$unmask" analyze --compare --model "$data/prose/model" --output "$order.html" --svg "$order" "$@"
done
