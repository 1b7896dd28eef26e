/* unmask generate: its settings and the parts of its output. */
#ifndef UM_CLI_GENERATE_GENERATE_H
#define UM_CLI_GENERATE_GENERATE_H

#include "base/buffer.h"
#include "cli/request/model_options.h"
#include "cli/request/prompt_line.h"

typedef enum um_generate_live { UM_LIVE_AUTO, UM_LIVE_ON, UM_LIVE_OFF } um_generate_live;

/* The command line. */
typedef struct um_generate_settings {
    um_model_choice model;
    um_prompt_form form;
    const char *prompt;  /* the argument, "-" for standard input, or NULL */
    const char *file;    /* to read the prompt from */
    const char *prompts; /* JSON Lines of prompts */
    const char *trace;   /* file for the traces, or NULL */
    size_t samples;
    size_t batch; /* samples that are decoded at a time; 0: a default that memory limits */
    bool json;
    bool completion_only;
    um_generate_live live;
} um_generate_settings;

/* Read the command line into zeroed *settings; call um_options_free on settings->form.options
 * whatever the outcome.  Returns UM_EXIT_OK to go on, UM_PARSE_HELP, or the exit code, with the
 * message printed. */
int um_generate_parse(const um_command *command, int argc, char **argv,
                      um_generate_settings *settings);

/* What the output of a sample is made from. */
typedef struct um_generate_output {
    const um_generate_settings *settings;
    const um_model *model;
    const um_prompt *prompt;
    const um_result *result;
    size_t sample;
} um_generate_output;

/* Append the completion: the answers one after another. */
um_status um_generate_completion(const um_generate_output *output, um_buffer *text,
                                 um_error *error);

/* Append the whole text: prompt, answers and suffix; for conversations the completion alone. */
um_status um_generate_text(const um_generate_output *output, um_buffer *text, um_error *error);

/* Append one line of JSON: everything about a sample, or the line of a batch. */
um_status um_generate_json(const um_generate_output *output, um_buffer *line, um_error *error);

#endif
