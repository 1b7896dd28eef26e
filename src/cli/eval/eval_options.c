#include "cli/eval/eval_options.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/request/batch_size.h"

#define SAMPLES_MAXIMUM 100000
#define PROBLEMS_MAXIMUM (1 << 30)
#define LENGTH_MAXIMUM (1 << 24)

um_eval_request um_eval_default_request(void) {
    return (um_eval_request){.judge = um_judge_default_choice(), .samples = 1};
}

/* ---- Decoding --------------------------------------------------------------------------- */

void um_eval_decoding_set(um_eval_decoding *decoding, const char *name, const char *text) {
    size_t at = 0;
    while (at < decoding->count && strcmp(decoding->given[at].name, name) != 0) {
        at++;
    }
    if (at < UM_EVAL_DECODING_MAXIMUM) { /* there are far fewer names */
        decoding->given[at] = (um_option_text){.name = name, .text = text};
        decoding->count += at == decoding->count;
    }
}

static um_status apply_decoding(const um_eval_decoding *decoding, size_t length,
                                um_options *options, um_error *error) {
    for (size_t i = 0; i < decoding->count; i++) {
        UM_TRY(um_options_set(options, decoding->given[i].name, decoding->given[i].text, error));
    }
    if (!um_step_share_is_set(decoding->steps)) {
        return UM_OK;
    }
    char steps[24];
    (void)snprintf(steps, sizeof steps, "%zu", um_step_share_steps(decoding->steps, length));
    return um_options_set(options, "steps", steps, error);
}

um_status um_eval_decoding_create(const um_eval_decoding *decoding, size_t length,
                                  um_options **options, um_error *error) {
    UM_TRY(um_options_create(options, error));
    const um_status status = apply_decoding(decoding, length, *options, error);
    if (status != UM_OK) {
        um_options_free(*options);
        *options = NULL;
    }
    return status;
}

/* Steps may be a share of the answer; all else is checked by setting it in scratch options. */
static int set_decoding(const um_command *command, um_eval_request *request, int option) {
    um_error error = {0};
    um_options *scratch = NULL;
    const char *name = um_decoding_option_name(option);
    if (name && strcmp(name, "steps") == 0 && strchr(optarg, '/')) {
        return um_step_share_parse(optarg, strlen(optarg), &request->decoding.steps)
                   ? UM_EXIT_OK
                   : um_cli_usage(command,
                                  "--steps: \"%.40s\" is not a share of the answer such as 1/2",
                                  optarg);
    }
    if (um_options_create(&scratch, &error) != UM_OK) {
        return um_cli_fail(&error);
    }
    const int code = um_set_decoding_option(command, scratch, option, optarg);
    um_options_free(scratch);
    if (code == UM_EXIT_OK) {
        um_eval_decoding_set(&request->decoding, name, optarg);
    }
    if (name && strcmp(name, "steps") == 0) { /* replaces a share given before */
        request->decoding.steps = (um_step_share){0};
    }
    return code;
}

/* ---- Options ------------------------------------------------------------------------------ */

static int set_form(const um_command *command, const char *text, um_eval_form *form) {
    if (um_eval_form_from_name(text, form)) {
        return UM_EXIT_OK;
    }
    return um_cli_usage(
        command, "--form: \"%.40s\" is not auto, humaneval, mbpp, infilling or family", text);
}

/* FIRST-LAST */
static int set_ids(const um_command *command, const char *text, um_eval_request *request) {
    const char *dash = strchr(text, '-');
    unsigned long long first = 0;
    unsigned long long last = 0;
    char number[24] = "";
    if (dash && dash > text && (size_t)(dash - text) < sizeof number) {
        memcpy(number, text, (size_t)(dash - text));
        if (um_cli_parse_count(command, "--ids", number, 1, INT32_MAX, &first) &&
            um_cli_parse_count(command, "--ids", dash + 1, first, INT32_MAX, &last)) {
            request->first_id = (size_t)first;
            request->last_id = (size_t)last;
            return UM_EXIT_OK;
        }
        return UM_EXIT_USAGE;
    }
    return um_cli_usage(command, "--ids: \"%.40s\" is not two numbers such as 11-510", text);
}

/* An option whose value is a number from 1 on. */
typedef struct count_option {
    int option;
    const char *name;
    size_t maximum;
    size_t *target;
} count_option;

/* UM_EXIT_OK, UM_EXIT_USAGE, or UM_PARSE_NOT_MINE. */
static int set_count(const um_command *command, um_eval_request *request, int option) {
    const count_option counts[] = {
        {'n', "--samples", SAMPLES_MAXIMUM, &request->samples},
        {'l', "--length", LENGTH_MAXIMUM, &request->length},
        {UM_OPTION_INFILLING_LENGTH, "--infilling-length", LENGTH_MAXIMUM,
         &request->infilling_length},
        {UM_OPTION_LIMIT, "--limit", PROBLEMS_MAXIMUM, &request->limit},
        {UM_OPTION_BATCH, "--batch", UM_BATCH_MAXIMUM, &request->batch},
        {UM_OPTION_SHOTS, "--shots", UM_EVAL_MAXIMUM_SHOTS, &request->shots},
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (counts[i].option == option) {
            return um_cli_set_count(command, counts[i].name, optarg, counts[i].maximum,
                                    counts[i].target);
        }
    }
    return UM_PARSE_NOT_MINE;
}

static int set_own(const um_command *command, um_eval_request *request, int option) {
    switch (option) {
        case 'o':
            request->output = optarg;
            return UM_EXIT_OK;
        case UM_OPTION_PROBLEMS:
            request->problems = optarg;
            return UM_EXIT_OK;
        case UM_OPTION_FORM:
            return set_form(command, optarg, &request->form);
        case UM_OPTION_IDS:
            return set_ids(command, optarg, request);
        case UM_OPTION_SYSTEM:
            request->system = optarg;
            return UM_EXIT_OK;
        case UM_OPTION_INSTRUCT:
            request->instruct = true;
            return UM_EXIT_OK;
        case UM_OPTION_BOS:
            request->bos = true;
            return UM_EXIT_OK;
        case UM_OPTION_JSON:
            request->json = true;
            return UM_EXIT_OK;
        case 'h':
            return UM_PARSE_HELP;
        default:
            return UM_EXIT_USAGE; /* um_cli_next_option has printed why */
    }
}

int um_eval_set_option(const um_command *command, um_eval_request *request, int option) {
    if (um_is_model_option(option)) {
        return um_set_model_option(command, &request->model, option, optarg);
    }
    if (um_is_judge_option(option)) {
        return um_set_judge_option(command, &request->judge, option, optarg);
    }
    if (um_is_decoding_option(option)) {
        return set_decoding(command, request, option);
    }
    const int code = set_count(command, request, option);
    return code == UM_PARSE_NOT_MINE ? set_own(command, request, option) : code;
}

int um_eval_check_request(const um_command *command, const um_eval_request *request) {
    if (!request->problems) {
        return um_cli_usage(command, "--problems FILE is needed: what to solve");
    }
    if (strcmp(request->problems, "-") == 0) {
        return um_cli_usage(command, "--problems: a resumed run cannot read standard input again; "
                                     "give a file");
    }
    if (!request->output) {
        return um_cli_usage(command, "--output DIR is needed: where the run is kept");
    }
    if (request->system && !um_utf8_valid(request->system, strlen(request->system))) {
        return um_cli_usage(command, "--system: the text is not UTF-8");
    }
    if (request->shots > 0 && request->instruct) {
        return um_cli_usage(command, "--shots are for a base model: leave --instruct out");
    }
    const um_pass_ks *ks = &request->judge.ks;
    for (size_t i = 0; request->judge.has_ks && i < ks->count; i++) {
        if (ks->values[i] > request->samples) {
            return um_cli_usage(command, "--k: pass@%zu needs as many samples of a problem: -n %zu",
                                ks->values[i], ks->values[i]);
        }
    }
    return UM_EXIT_OK;
}
