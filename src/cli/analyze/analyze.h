/* unmask analyze: its settings, and where traces come from. */
#ifndef UM_CLI_ANALYZE_ANALYZE_H
#define UM_CLI_ANALYZE_ANALYZE_H

#include "analysis/order_study.h"
#include "base/number_list.h"
#include "cli/replay/replay.h"
#include "cli/request/model_options.h"
#include "cli/request/prompt_line.h"

/* The command line. */
typedef struct um_analyze_settings {
    char **paths; /* [path_count]: traces */
    size_t path_count;
    bool compare;   /* each file is a set of its own */
    bool until_end; /* tokens after the end of an answer do not count */
    const char *output;
    const char *svg; /* folder for the figures */
    bool json;
    size_t show; /* runs of each set on the page */
    uint64_t interval_seed;
    /* With `prompts`, which traces are made from: */
    um_model_choice model; /* without `prompts`: where the tokenizer is */
    bool has_model_option; /* any model option but --model was given */
    const char *prompts;
    const char *trace; /* file to keep the traces in, or NULL */
    um_prompt_form form;
    bool has_algorithm;          /* among its options */
    bool has_temperature;        /* among the options */
    bool has_decoding;           /* any of the options */
    um_number_list temperatures; /* up to UM_ORDER_SETS */
    size_t limit;                /* prompts; 0: all */
    size_t samples;
    size_t batch; /* samples that are decoded at a time; 0: a default that memory limits */
} um_analyze_settings;

/* Read the command line into zeroed *settings; call um_analyze_settings_free whatever the outcome.
 * Returns UM_EXIT_OK to go on, UM_PARSE_HELP, or the exit code, with the message printed. */
int um_analyze_parse(const um_command *command, int argc, char **argv,
                     um_analyze_settings *settings);
void um_analyze_settings_free(um_analyze_settings *settings);

/* ---- Collecting ------------------------------------------------------------ */

/* Sets of traces, with the runs that the page shows; zero-initialise. */
typedef struct um_analyze_input {
    const um_analyze_settings *settings;
    um_order_set sets[UM_ORDER_SETS];
    size_t set_count;
    um_buffer runs_html;
    size_t shown;  /* runs of the last set in runs_html */
    bool complete; /* everything could be read */
    /* For the model whose tokens were looked up last: */
    char *tokenizer_name;
    um_tokenizer *tokenizer;
    um_token_id_scratch ids;
} um_analyze_input;

/* Begin another set. */
um_status um_analyze_begin_set(um_analyze_input *input, const char *label, um_error *error);

/* Add the traces in bytes[length] to the last set; `where` names them in messages.  A trace that
 * cannot be read is reported on standard error and makes input->complete false. */
um_status um_analyze_add(um_analyze_input *input, const char *bytes, size_t length,
                         const char *where, um_error *error);

/* Read the files named in the settings; any that cannot be read is reported on standard error. */
um_status um_analyze_read_files(um_analyze_input *input, um_error *error);

/* Decode the prompts of the settings, once for each temperature.  After UM_ERR_CANCELLED the input
 * holds what was decoded before. */
um_status um_analyze_sample(um_analyze_input *input, um_error *error);

void um_analyze_input_free(um_analyze_input *input);

#endif
