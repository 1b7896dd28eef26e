/* The options of an evaluation, for the commands that make evaluations. */
#ifndef UM_CLI_EVAL_EVAL_OPTIONS_H
#define UM_CLI_EVAL_EVAL_OPTIONS_H

#include "cli/judge/judge_options.h"
#include "cli/request/decoding_options.h"
#include "cli/request/model_options.h"
#include "eval/prompt.h"
#include "eval/step_share.h"

/* ---- Decoding --------------------------------------------------------------------------- */

#define UM_EVAL_DECODING_MAXIMUM 64

typedef struct um_option_text {
    const char *name; /* as um_options_set takes it */
    const char *text;
} um_option_text;

/* Decoding options as they were given, each once, and a budget of steps that depends on the length
 * of an answer.  Borrows its texts; zero-initialise. */
typedef struct um_eval_decoding {
    um_option_text given[UM_EVAL_DECODING_MAXIMUM];
    size_t count;
    um_step_share steps;
} um_eval_decoding;

/* Add an option, or replace its text. */
void um_eval_decoding_set(um_eval_decoding *decoding, const char *name, const char *text);

/* Make *options for answers of `length` tokens; release with um_options_free. */
um_status um_eval_decoding_create(const um_eval_decoding *decoding, size_t length,
                                  um_options **options, um_error *error);

/* ---- The request ------------------------------------------------------------------------- */

typedef struct um_eval_request {
    um_model_choice model;
    um_judge_choice judge;
    um_eval_decoding decoding;
    const char *problems;
    const char *output;
    const char *system; /* of a conversation, or NULL */
    um_eval_form form;
    bool instruct;
    bool bos; /* the BOS token comes first */
    bool json;
    size_t samples;          /* of each problem */
    size_t length;           /* of the answer; 0: by the size of the context */
    size_t infilling_length; /* of the answer of an infilling problem; 0: as for others */
    size_t limit;            /* problems of each level and format; 0: all */
    size_t batch; /* samples that are decoded at a time; 0: a default that memory limits */
    size_t shots;
    size_t first_id; /* of the problems whose ids are numbers; 0: all problems */
    size_t last_id;
} um_eval_request;

/* The defaults. */
um_eval_request um_eval_default_request(void);

/* ---- The command line --------------------------------------------------------------------- */

/* Values of the options without a letter, above those of a command's own. */
enum {
    UM_OPTION_PROBLEMS = 600,
    UM_OPTION_FORM,
    UM_OPTION_INFILLING_LENGTH,
    UM_OPTION_LIMIT,
    UM_OPTION_BATCH,
    UM_OPTION_INSTRUCT,
    UM_OPTION_BOS,
    UM_OPTION_SYSTEM,
    UM_OPTION_SHOTS,
    UM_OPTION_IDS,
    UM_OPTION_JSON
};

/* Entries for getopt_long, and its letters. */
#define UM_CLI_EVAL_OPTIONS                                                                        \
    UM_CLI_MODEL_OPTIONS, UM_CLI_JUDGE_OPTIONS,                                                    \
        {"problems", required_argument, NULL, UM_OPTION_PROBLEMS},                                 \
        {"output", required_argument, NULL, 'o'},                                                  \
        {"form", required_argument, NULL, UM_OPTION_FORM},                                         \
        {"samples", required_argument, NULL, 'n'}, {"length", required_argument, NULL, 'l'},       \
        {"infilling-length", required_argument, NULL, UM_OPTION_INFILLING_LENGTH},                 \
        {"limit", required_argument, NULL, UM_OPTION_LIMIT},                                       \
        {"batch", required_argument, NULL, UM_OPTION_BATCH},                                       \
        {"instruct", no_argument, NULL, UM_OPTION_INSTRUCT},                                       \
        {"bos", no_argument, NULL, UM_OPTION_BOS},                                                 \
        {"system", required_argument, NULL, UM_OPTION_SYSTEM},                                     \
        {"shots", required_argument, NULL, UM_OPTION_SHOTS},                                       \
        {"ids", required_argument, NULL, UM_OPTION_IDS},                                           \
        {"json", no_argument, NULL, UM_OPTION_JSON}, {                                             \
        "help", no_argument, NULL, 'h'                                                             \
    }
#define UM_CLI_EVAL_LETTERS ":m:t:o:n:l:h"

/* Their lines for help texts, but those of --model, --output and --samples; the last ones are a
 * paragraph of their own. */
#define UM_CLI_EVAL_HELP                                                                           \
    "      --problems FILE    the problems\n"                                                      \
    "      --form FORM        auto (default), humaneval, mbpp, infilling or family\n"              \
    "      --limit N          only the first N problems of each level and format\n"                \
    "      --ids FIRST-LAST   only problems with these numbers for ids (the test part of MBPP "    \
    "is\n"                                                                                         \
    "                         11-510)\n"                                                           \
    "  -l, --length N         tokens of an answer (default: 512, or 128 for models with fewer "    \
    "than\n"                                                                                       \
    "                         2048 positions, and no more than the prompt leaves)\n"               \
    "      --infilling-length N\n"                                                                 \
    "                         the same for holes in code, which are short\n"                       \
    "      --instruct         ask in a conversation\n"                                             \
    "      --system TEXT      the system message of conversations\n"                               \
    "      --bos              put the tokenizer's BOS token in front of every prompt, as the "     \
    "authors\n"                                                                                    \
    "                         of Dream and Dream-Coder do for base models\n"                       \
    "      --shots N          of MBPP: show N solved examples first (ids 1 to 10, which are then " \
    "not\n"                                                                                        \
    "                         asked; the paper has 3)\n"                                           \
    "      --batch N          decode N samples at a time, which changes nothing but the time "     \
    "and\n"                                                                                        \
    "                         the memory (default: 8, or fewer where memory is "                   \
    "scarce)\n" UM_CLI_JUDGE_HELP "      --json             print the report as JSON\n"            \
    "  -h, --help             this text\n"                                                         \
    "\n" UM_CLI_OPENING_HELP

/* Set an option of the entries above or of decoding from optarg.  UM_EXIT_OK; UM_EXIT_USAGE after a
 * message; UM_PARSE_HELP. */
int um_eval_set_option(const um_command *command, um_eval_request *request, int option);

/* Check that what is needed is given and that the options go together; UM_EXIT_OK or, after a
 * message, UM_EXIT_USAGE. */
int um_eval_check_request(const um_command *command, const um_eval_request *request);

#endif
