/* Which of the given decoding options a line of the grid takes. */
#include <string.h>

#include "cli/sweep/sweep.h"
#include "decode/algorithm.h"

#define STEPS_ALGORITHM "entropy" /* for a budget of steps alone: docs/DECODING.md */

/* Options that every algorithm has, as they concern the answer's end. */
static bool is_of_all(const char *name) {
    return strcmp(name, "early_stop") == 0 || strcmp(name, "end_tokens") == 0 ||
           strcmp(name, "stop_token") == 0;
}

static bool takes(const um_algorithm *algorithm, const char *name) {
    for (int i = 0; i < UM_OPTION_COUNT; i++) {
        if (strcmp(um_decode_option_name((um_decode_option)i), name) == 0) {
            return (algorithm->options & UM_OPTION_BIT(i)) != 0;
        }
    }
    return is_of_all(name);
}

static const char *given_algorithm(const um_eval_decoding *given) {
    for (size_t i = 0; i < given->count; i++) {
        if (strcmp(given->given[i].name, "algorithm") == 0) {
            return given->given[i].text;
        }
    }
    return NULL;
}

static um_status algorithm_of(const um_eval_decoding *given, const um_sweep_grid *grid,
                              const um_sweep_line *line, const um_algorithm **algorithm,
                              um_error *error) {
    if (!um_step_share_is_set(line->steps)) {
        return um_algorithm_find(grid->models[line->model].algorithm, algorithm, error);
    }
    const char *name = given_algorithm(given);
    UM_TRY(um_algorithm_find(name ? name : STEPS_ALGORITHM, algorithm, error));
    return takes(*algorithm, "steps")
               ? UM_OK
               : UM_RAISE(error, UM_ERR_ARGUMENT,
                          "--algorithm applies to the lines with a step budget, but %s does not "
                          "take --steps",
                          (*algorithm)->name);
}

um_status um_sweep_decoding(const um_eval_decoding *given, const um_sweep_grid *grid,
                            const um_sweep_line *line, const char *temperature,
                            um_eval_decoding *decoding, um_sweep_uses *uses, um_error *error) {
    const um_algorithm *algorithm = NULL;
    const bool has_steps = um_step_share_is_set(line->steps);
    UM_TRY(algorithm_of(given, grid, line, &algorithm, error));
    *decoding = (um_eval_decoding){.steps = line->steps};
    for (size_t i = 0; i < given->count; i++) {
        const um_option_text *option = &given->given[i];
        const bool is_algorithm = strcmp(option->name, "algorithm") == 0;
        if (is_algorithm ? has_steps : takes(algorithm, option->name)) {
            um_eval_decoding_set(decoding, option->name, option->text);
            *uses |= (um_sweep_uses)1 << i;
        }
    }
    um_eval_decoding_set(decoding, "temperature", temperature);
    return UM_OK;
}

um_status um_sweep_check_uses(const um_eval_decoding *given, um_sweep_uses uses, um_error *error) {
    for (size_t i = 0; i < given->count; i++) {
        if ((uses >> i & 1) == 0) {
            char name[32];
            um_decoding_option_dashed(given->given[i].name, name, sizeof name);
            return UM_RAISE(error, UM_ERR_ARGUMENT,
                            "--%s has no effect on any model of this sweep; leave it out", name);
        }
    }
    return UM_OK;
}
