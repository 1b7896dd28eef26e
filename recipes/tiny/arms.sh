#!/bin/sh
# Reinforcement learning beside its alternatives, from one start: the model of stage 3.
#
#     recipes/tiny/arms.sh             after build.sh with LAST=4, which chooses the problems
#
# An arm is trained once for each seed: coupled-GRPO with the estimator `coupled`, `decoupled`, `full_mask` or `trajectory`, and
# `supervised`, more of stage 3's training for the time that coupled-GRPO takes.  Results are in DATA/arms/ARM-SEED; what is
# there is skipped, and training continues from its last state.  Environment:
#
#     UNMASK, DATA       as for build.sh
#     ARMS               which                                            (coupled full_mask decoupled supervised)
#     SEEDS              which                                            (1 2 3)
#     STEPS              steps of reinforcement learning                  (those of stage4.json)
#     SUPERVISED_STEPS   steps of the supervised arm                      (those that take the time of coupled-SEED)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
data=${DATA:-$here/data}
python=${PYTHON:-python3}
unmask=${UNMASK:-$here/../../build/unmask}
mkdir -p "$data/arms"

say() {
    echo "arms.sh: $*" >&2
}

# seconds_of RUN: how long a finished run has trained, validations left out.
seconds_of() {
    "$python" -c 'import json, sys
print(sum(row.get("seconds", 0) for row in map(json.loads, sys.stdin) if row["kind"] == "step"))' < "$1/metrics.jsonl"
}

# supervised_steps SEED: the steps of stage 3 that take as long as the arm coupled-SEED.
supervised_steps() {
    if [ -n "${SUPERVISED_STEPS:-}" ]; then
        echo "$SUPERVISED_STEPS"
        return
    fi
    "$python" -c 'import sys
arm, stage, steps = map(float, sys.argv[1:])
print(max(1, round(steps * arm / stage)))' "$(seconds_of "$data/arms/coupled-$1")" "$(seconds_of "$data/stage3")" \
        "$("$python" -c 'import json, sys; print(json.load(sys.stdin)["steps"])' < "$here/stage3.json")"
}

# train_arm ARM SEED
train_arm() {
    output=$data/arms/$1-$2
    [ ! -e "$output/DONE" ] || return 0
    say "training $1 with seed $2"
    if [ "$1" = supervised ]; then
        "$unmask" train "$here/stage3.json" --output "$output" --set "model=$data/stage3" --set "train=$data/stage3.shard" \
            --set "validation=$data/stage3.validation.shard" --set "validation_problems=$data/rewards.validation.jsonl" \
            --set "steps=$(supervised_steps "$2")" --set learning_rate=0.0005 --set mask_prompt_annealing_epochs=0 \
            --set "seed=$((100 + $2))"
    else
        "$unmask" train "$here/stage4.json" --output "$output" --set "model=$data/stage3" \
            --set "problems=$data/rewards.mixed.jsonl" --set "validation_problems=$data/rewards.validation.jsonl" \
            --set "estimator=$1" --set "seed=$2" ${STEPS:+--set "steps=$STEPS"}
    fi
}

for seed in ${SEEDS:-1 2 3}; do
    for arm in ${ARMS:-coupled full_mask decoupled supervised}; do
        train_arm "$arm" "$seed"
    done
done
