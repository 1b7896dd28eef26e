#!/bin/sh
# Rebuild the shipped model from nothing: data, tokenizer, stages 0 to 3 or 4, and what each stage passes.
#
#     make tiny                        or, after `make`: recipes/tiny/build.sh
#
# Every step leaves its result in recipes/tiny/data and is skipped if the result is there, and training continues from
# its last state, so the script may be stopped and started again.  It needs Python 3.11 and, for the code corpus,
# Debian's package sources.  Environment:
#
#     UNMASK     the program                       (build/unmask)
#     PYTHON     the interpreter                   (python3)
#     DATA       folder of all results             (recipes/tiny/data)
#     DOCUMENTS  tasks of stages 0 and 1; half as many for stages 2 and 3   (400000)
#     PER_LEVEL  problems of a level in each test set, formats in turn      (150)
#     STEPS      steps of each stage, in place of the recipe's; for trying the script out
#     REWARDS    problems to draw those of stage 4 from (13000: it asks 3200, each once)
#     LAST       the last stage to train           (3: the shipped model; 4: reinforcement learning too:
#                docs/RESULTS.md)
#     BASELINE   1: also train an autoregressive model of the same size from where stage 0 ends, on the documents
#                of stages 1 to 3 and on as many rows                  (0)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
documents=${DOCUMENTS:-400000}
per_level=${PER_LEVEL:-150}
rewards=${REWARDS:-13000}
last=${LAST:-3}
baseline=${BASELINE:-0}
mkdir -p "$data/init" "$data/results"

check_sizes "$data" "DOCUMENTS=$documents PER_LEVEL=$per_level REWARDS=$rewards STEPS=${STEPS:-of the recipes}"

# is_wanted STAGE
is_wanted() {
    case $1 in
        baseline*) [ "$baseline" = 1 ] ;;
        *)
            stage_number=${1#stage}
            [ "${stage_number%[ab]}" -le "$last" ] # 3a and 3b are parts of stage 3
            ;;
    esac
}

# train STAGE --set MEMBER=VALUE...: train the stage, unless it is done or later than the last one wanted.
train() {
    stage=$1
    shift
    is_wanted "$stage" || return 0
    if [ ! -e "$data/$stage/DONE" ]; then
        say "training $stage"
        "$unmask" train "$here/$stage.json" --output "$data/$stage" "$@" ${STEPS:+--set "steps=$STEPS"}
    fi
}

# measure_as STAGE NAME PROBLEMS OPTION...: measure what the stage's model passes with these options, in results/NAME.
measure_as() {
    results=$data/results/$2
    model=$data/$1
    problems=$3
    shift 3
    if [ ! -e "$results/report.json" ]; then
        say "measuring $results"
        "$unmask" eval --model "$model" --problems "$problems" --output "$results" \
            --length 80 --infilling-length 40 "$@" >&2
    fi
}

# measure STAGE PROBLEMS: measure what the stage's model passes, in results/STAGE.
measure() {
    is_wanted "$1" || return 0
    measure_as "$1" "$1" "$2"
}

half=$((documents / 2))
held_out=$(((documents + 399) / 400))

# Data: functions from Debian's packages; tasks for each stage; problems with tests.
make_file "$data/code.jsonl" "$python" "$here/corpus.py" --cache "$data/cache"
make_file "$data/code.best.jsonl" "$python" "$here/corpus.py" --select "$data/code.jsonl" --longest 260 --fewest-words 5
make_file "$data/tasks.jsonl" "$python" "$here/tasks.py" documents --count "$documents"
make_file "$data/tasks.2.jsonl" "$python" "$here/tasks.py" documents --count "$half" --seed 2
make_file "$data/instructions.jsonl" "$python" "$here/tasks.py" documents --count "$half" --seed 3 \
    --formats $instruction_mix
make_file "$data/instructions.2.jsonl" "$python" "$here/tasks.py" documents --count "$half" --seed 5 \
    --formats $instruction_mix
make_file "$data/instructions.3.jsonl" "$python" "$here/tasks.py" documents --count "$half" --seed 6 \
    --formats $instruction_mix
make_file "$data/validation.jsonl" "$python" "$here/tasks.py" documents --count "$held_out" --split validation
make_file "$data/validation.3.jsonl" "$python" "$here/tasks.py" documents --count "$held_out" --split validation \
    --formats $instruction_mix
for split in validation test final wording; do
    make_file "$data/$split.problems.jsonl" "$python" "$here/tasks.py" problems --per-level "$per_level" --split $split
done
# Stages 0 to 2 are measured without chat, which they have not learnt.
make_file "$data/base.problems.jsonl" grep -v '"format": "chat"' "$data/validation.problems.jsonl"
make_file "$data/rewards.problems.jsonl" "$python" "$here/tasks.py" problems --count "$rewards" \
    --split train --levels 5,6 --seed 4
make_file "$data/rewards.validation.jsonl" "$python" "$here/tasks.py" problems --count "$per_level" \
    --split validation --levels 5,6 --seed 4
# Stages 0 to 3 are validated in the formats that they are trained on, at all levels.
make_file "$data/completions.validation.jsonl" "$python" "$here/tasks.py" problems --per-level $(((per_level + 4) / 5)) \
    --split validation --seed 5 --formats completion,infilling
make_file "$data/instructions.validation.jsonl" "$python" "$here/tasks.py" problems --per-level $(((per_level + 4) / 5)) \
    --split validation --seed 5

# Tokenizer: the texts of all stages.
if [ ! -e "$data/init/tokenizer.json" ]; then
    "$unmask" train-tokenizer "$data/tasks.jsonl" "$data/instructions.jsonl" "$data/code.jsonl" \
        --output "$data/init" --vocabulary-size 1024
fi
cp "$here/model/config.json" "$data/init/"

# Real code is packed three times, so that it is about a twentieth of what stages 0 and 1 read.
pack "$data/stage0.shard" fim "$data/tasks.jsonl" "$data/instructions.jsonl" "$data/code.jsonl*3"
pack "$data/stage0.validation.shard" fim "$data/validation.jsonl"
pack "$data/stage1.shard" canvas "$data/tasks.jsonl" "$data/instructions.jsonl" "$data/code.jsonl*3"
pack "$data/stage1.validation.shard" canvas "$data/validation.jsonl"
pack "$data/stage2.shard" canvas "$data/tasks.2.jsonl" "$data/code.best.jsonl*2"
pack "$data/stage3a.shard" canvas "$data/instructions.jsonl"
pack "$data/stage3b.shard" canvas "$data/instructions.2.jsonl"
pack "$data/stage3.shard" canvas "$data/instructions.3.jsonl"
pack "$data/stage3.validation.shard" canvas "$data/validation.3.jsonl"

# Stages: autoregressive, adaptation, mid-training, instruction tuning in three parts, coupled-GRPO.
before=init
for number in 0 1 2 3a 3b 3; do
    validation=$data/stage${number%[ab]}.validation.shard
    [ -e "$validation" ] || validation=$data/stage1.validation.shard
    problems=$data/completions.validation.jsonl
    [ "${number%[ab]}" -lt 3 ] || problems=$data/instructions.validation.jsonl
    train "stage$number" --set "model=$data/$before" --set "train=$data/stage$number.shard" \
        --set "validation=$validation" --set "validation_problems=$problems"
    before=stage$number
done
if [ "$baseline" = 1 ]; then
    pack "$data/baseline2.shard" fim "$data/tasks.2.jsonl" "$data/code.best.jsonl*2"
    pack "$data/baseline3a.shard" fim "$data/instructions.jsonl"
    pack "$data/baseline3b.shard" fim "$data/instructions.2.jsonl"
    pack "$data/baseline3.shard" fim "$data/instructions.3.jsonl"
    pack "$data/baseline3.validation.shard" fim "$data/validation.3.jsonl"
fi
before=stage0
for number in 1 2 3a 3b 3; do
    shard=$data/baseline$number.shard
    [ "$number" != 1 ] || shard=$data/stage0.shard
    validation=$data/baseline${number%[ab]}.validation.shard
    [ -e "$validation" ] || validation=$data/stage0.validation.shard
    train "baseline$number" --set "model=$data/$before" --set "train=$shard" --set "validation=$validation"
    before=baseline$number
done
for number in 0 1 2; do
    measure "stage$number" "$data/base.problems.jsonl"
    [ "$number" = 0 ] || measure "baseline$number" "$data/base.problems.jsonl"
done
for number in 3a 3b 3; do
    measure "stage$number" "$data/validation.problems.jsonl"
    measure "baseline$number" "$data/validation.problems.jsonl"
done
# Reinforcement learning: each problem is asked once.  What it changes most is the way of writing that it learns from.
train stage4 --set "model=$data/stage3" --set "problems=$data/rewards.problems.jsonl" \
    --set "validation_problems=$data/rewards.validation.jsonl"
measure stage4 "$data/validation.problems.jsonl"
if is_wanted stage4; then
    for stage in stage3 stage4; do
        measure_as "$stage" "$stage.as-trained" "$data/validation.problems.jsonl" --algorithm entropy --block-length 8 \
            --cache dual --temperature 1.2 --top-p 0.95
    done
fi
say "the model is in $data/stage$last, what each stage passes in $data/results"
