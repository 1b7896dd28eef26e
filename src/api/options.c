#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "base/text.h"

um_options um_options_default(void) {
    return (um_options){
        .decode = um_decode_options_default(), .early_stop = true, .end_tokens = true};
}

um_status um_options_create(um_options **options, um_error *error) {
    *options = malloc(sizeof **options);
    if (!*options) {
        return um_error_memory(error, "options", sizeof **options);
    }
    **options = um_options_default();
    return UM_OK;
}

void um_options_free(um_options *options) {
    if (options) {
        um_token_list_free(&options->suppress);
        um_token_list_free(&options->suppress_confidence);
        free(options);
    }
}

/* ---- From text ------------------------------------------------------------- */

static um_status set_algorithm(um_options *options, const char *name, const char *text,
                               um_error *error) {
    (void)name;
    const um_algorithm *algorithm = NULL;
    UM_TRY(um_algorithm_find(text, &algorithm, error));
    options->decode.algorithm = algorithm->name;
    options->has_algorithm = true;
    return UM_OK;
}

/* Read "17,18" into an empty list. */
static um_status read_ids(const char *name, const char *text, um_token_list *list,
                          um_error *error) {
    for (const char *at = text;; at++) {
        char *end = NULL;
        errno = 0;
        const long id = strtol(at, &end, 10);
        if (*at < '0' || *at > '9' || errno != 0 || id > INT32_MAX ||
            (*end != ',' && *end != '\0')) {
            return UM_RAISE(error, UM_ERR_ARGUMENT,
                            "%s: \"%.40s\" is not a list of token ids such as 17,18", name, text);
        }
        UM_TRY(um_token_list_append(list, (int32_t)id, error));
        if (*end == '\0') {
            return UM_OK;
        }
        at = end;
    }
}

static um_status set_ids(um_options *options, const char *name, const char *text, um_error *error) {
    um_token_list list = {0};
    const um_status status = read_ids(name, text, &list, error);
    if (status != UM_OK) {
        um_token_list_free(&list);
        return status;
    }
    um_decode_options *decode = &options->decode;
    if (strcmp(name, um_decode_option_name(UM_OPTION_SUPPRESS)) == 0) {
        um_token_list_free(&options->suppress);
        options->suppress = list;
        decode->suppress = list.ids;
        decode->suppress_count = list.length;
    } else {
        um_token_list_free(&options->suppress_confidence);
        options->suppress_confidence = list;
        decode->suppress_confidence = list.ids;
        decode->suppress_confidence_count = list.length;
    }
    return UM_OK;
}

static um_status read_flag(const char *name, const char *text, bool *value, um_error *error) {
    return um_text_to_flag(text, value)
               ? UM_OK
               : UM_RAISE(error, UM_ERR_ARGUMENT, "%s: \"%.40s\" is not true or false", name, text);
}

static um_status set_early_stop(um_options *options, const char *name, const char *text,
                                um_error *error) {
    UM_TRY(read_flag(name, text, &options->early_stop, error));
    options->has_early_stop = true;
    return UM_OK;
}

static um_status set_end_tokens(um_options *options, const char *name, const char *text,
                                um_error *error) {
    return read_flag(name, text, &options->end_tokens, error);
}

static um_status set_decode_option(um_options *options, const char *name, const char *text,
                                   um_error *error) {
    um_decode_options changed = options->decode;
    UM_TRY(um_decode_options_set(&changed, name, text, error));
    options->decode = changed;
    return UM_OK;
}

/* ---- The list -------------------------------------------------------------- */

/* The first is listed before the decoding options, which bring names and texts of their own, and
 * the others after them. */
typedef struct own_option {
    um_option_info info;
    um_status (*set)(um_options *options, const char *name, const char *text, um_error *error);
} own_option;

static const own_option own_options[] = {
    {{"algorithm", "NAME",
      "decoding algorithm; default threshold in blocks with a cache; entropy with steps, eps or "
      "alg_temp; autoregressive for causal models"},
     set_algorithm},
    {{"early_stop", "true|false",
      "end once what is before the first end token is decided, which changes no answer; default "
      "true"},
     set_early_stop},
    {{"end_tokens", "true|false", "let the model's end tokens end an answer; default true"},
     set_end_tokens},
};

#define OWN_OPTIONS (sizeof own_options / sizeof own_options[0])

static bool is_list(const char *name) {
    return strcmp(name, um_decode_option_name(UM_OPTION_SUPPRESS)) == 0 ||
           strcmp(name, um_decode_option_name(UM_OPTION_SUPPRESS_CONFIDENCE)) == 0;
}

um_status um_options_set(um_options *options, const char *name, const char *text, um_error *error) {
    for (size_t i = 0; i < OWN_OPTIONS; i++) {
        if (strcmp(own_options[i].info.name, name) == 0) {
            return own_options[i].set(options, name, text, error);
        }
    }
    return is_list(name) ? set_ids(options, name, text, error)
                         : set_decode_option(options, name, text, error);
}

bool um_option_at(size_t index, um_option_info *info) {
    if (index == 0 || index > UM_OPTION_COUNT) {
        const size_t own = index == 0 ? 0 : index - UM_OPTION_COUNT;
        if (own >= OWN_OPTIONS) {
            return false;
        }
        *info = own_options[own].info;
        return true;
    }
    const um_decode_option option = (um_decode_option)(index - 1);
    *info = (um_option_info){um_decode_option_name(option), um_decode_option_value(option),
                             option == UM_OPTION_STOP_TOKEN
                                 ? "one more token that ends an answer; default: none"
                                 : um_decode_option_help(option)};
    return true;
}

bool um_option_algorithm_at(size_t index, const char **name, const char **summary) {
    const um_algorithm *algorithm = um_algorithm_at(index);
    if (!algorithm) {
        return false;
    }
    *name = algorithm->name;
    *summary = algorithm->summary;
    return true;
}
