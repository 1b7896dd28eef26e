#!/bin/sh
# Reinforcement learning and its alternatives, all started from the model of stage 3.
#
#     recipes/tiny/arms.sh             after build.sh
#
# Each arm is trained once for each seed.  `one_token_coupled` is stage 4; `one_token_decoupled` and `one_token_full_mask`
# differ in the estimator alone.  `trajectory`, `coupled`, `decoupled` and `full_mask` learn from answers written in three
# steps, with that estimator; `paper` is this `coupled` with DiffuCoder's other settings, as far as they do not depend on the
# size of the model.  `supervised` is more of stage 3's training, on documents of a seed that no stage had, for the time that
# `trajectory` takes.  Results are in DATA/arms/ARM-SEED; finished arms are skipped, and training continues from its
# last state.  Environment:
#
#     UNMASK, DATA, PYTHON   as for build.sh
#     ARMS               which                (all but paper, one_token_decoupled and one_token_full_mask)
#     SEEDS              which                                            (1 2 3)
#     STEPS              steps of reinforcement learning                  (those of stage4.json)
#     SUPERVISED_STEPS   steps of the supervised arm                      (those that take the time of trajectory-SEED)
#     CONTROLS           documents of the supervised arm                  (100000)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
mkdir -p "$data/arms"
controls=${CONTROLS:-100000}
check_sizes "$data/arms" "CONTROLS=$controls STEPS=${STEPS:-of the recipe} SUPERVISED_STEPS=${SUPERVISED_STEPS:-by time}"

# seconds_of RUN: how long a finished run has trained, without its validations.
seconds_of() {
    "$python" -c 'import json, sys
print(sum(row.get("seconds", 0) for row in map(json.loads, sys.stdin) if row["kind"] == "step"))' < "$1/metrics.jsonl"
}

# supervised_steps SEED: the steps of stage 3 that take as long as the arm trajectory-SEED.
supervised_steps() {
    if [ -n "${SUPERVISED_STEPS:-}" ]; then
        echo "$SUPERVISED_STEPS"
        return
    fi
    if [ ! -e "$data/arms/trajectory-$1/DONE" ]; then
        say "supervised with seed $1 trains as long as trajectory with that seed, which is not done; or give SUPERVISED_STEPS"
        return 1
    fi
    arm_seconds=$(seconds_of "$data/arms/trajectory-$1")
    stage_seconds=$(seconds_of "$data/stage3")
    "$python" -c 'import json, sys
steps = json.load(sys.stdin)["steps"]
arm, stage = map(float, sys.argv[1:])
print(max(1, round(steps * arm / stage)))' "$arm_seconds" "$stage_seconds" < "$here/stage3.json"
}

few_steps='--set rollout={"algorithm":"threshold","confidence_threshold":0.7,"temperature":1,"top_p":0.95}
    --set validation_rollout={"algorithm":"threshold","confidence_threshold":0.7}'

# As many completions as in the other arms: 50 batches of 510.
paper_settings="--set steps=100 --set inner_updates=2 --set group_size=10 --set problems_per_step=51
    --set kl_coefficient=0.01 --set shared_group_masks=false --set completion_normalisation=completions
    --set rollout.temperature=1.2 --set gradient_clip=0.2 --set weight_decay=0.1"

# train_arm ARM SEED
train_arm() {
    output=$data/arms/$1-$2
    [ ! -e "$output/DONE" ] || return 0
    say "training $1 with seed $2"
    if [ "$1" = supervised ]; then
        supervised=$(supervised_steps "$2")
        # Documents like those of stage 3, but new ones.
        make_file "$data/arms/control.jsonl" "$python" "$here/tasks.py" documents --count "$controls" --seed 7 \
            --formats $instruction_mix
        pack "$data/arms/control.shard" canvas "$data/arms/control.jsonl"
        "$unmask" train "$here/stage3.json" --output "$output" --set "model=$data/stage3" --set "train=$data/arms/control.shard" \
            --set "validation=$data/stage3.validation.shard" --set "validation_problems=$data/rewards.validation.jsonl" \
            --set "steps=$supervised" --set learning_rate=0.0005 \
            --set "seed=$((100 + $2))"
    else
        estimator=$1
        settings=$few_steps
        case $1 in
            one_token_*)
                estimator=${1#one_token_}
                settings=
                ;;
            trajectory) settings="$few_steps --set trajectory_states=0" ;;
            paper)
                estimator=coupled
                settings="$few_steps $paper_settings"
                ;;
        esac
        # shellcheck disable=SC2086 # the settings are words
        "$unmask" train "$here/stage4.json" --output "$output" --set "model=$data/stage3" \
            --set "problems=$data/rewards.problems.jsonl" --set "validation_problems=$data/rewards.validation.jsonl" \
            --set "estimator=$estimator" --set "seed=$2" $settings ${STEPS:+--set "steps=$STEPS"}
    fi
}

for seed in ${SEEDS:-1 2 3}; do
    for arm in ${ARMS:-one_token_coupled trajectory coupled full_mask decoupled supervised}; do
        train_arm "$arm" "$seed"
    done
done
