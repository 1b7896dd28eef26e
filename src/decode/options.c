#include "decode/options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number_text.h"
#include "base/text.h"
#include "decode/algorithm.h"

typedef enum option_kind {
    KIND_COUNT, /* size_t */
    KIND_REAL,  /* double */
    KIND_SEED,  /* uint64_t, any */
    KIND_TOKEN, /* int32_t, or UM_NO_TOKEN_ID when not given */
    KIND_FLAG,  /* bool */
    KIND_CACHE  /* um_cache_kind, by name */
} option_kind;

typedef struct option_info {
    const char *name;
    const char *help;
    option_kind kind;
    size_t offset;
    double minimum;
    double maximum;
} option_info;

static const option_info option_table[] = {
#define UM_OPTION_ROW(enumerator, name, kind, minimum, maximum, help)                              \
    [enumerator] = {#name,     help,     KIND_##kind, offsetof(um_decode_options, name),           \
                    (minimum), (maximum)},
    UM_DECODE_OPTION_LIST(UM_OPTION_ROW)
#undef UM_OPTION_ROW
};

#define DEFAULT_CACHE_WINDOW 16
#define VALUE_OPTIONS (sizeof option_table / sizeof option_table[0])

um_decode_options um_decode_options_default(void) {
    return (um_decode_options){
        .algorithm = "entropy",
        .eps = 1e-3,
        .top_p = 1,
        .stop_token = UM_NO_TOKEN_ID,
        .forbid_mask = true,
        .confidence_threshold = 0.9,
        .factor = 1,
        .entropy_bound = 0.1,
        .kl_threshold = 1e-3,
        .history = 2,
        .lower_threshold = 0.4,
        .credit_decay = 0.8,
        .credit_weight = 0.7,
        .credit_exponent = 0.2,
    };
}

void um_decode_options_mark(um_decode_options *options, um_decode_option option) {
    options->given |= UM_OPTION_BIT(option);
}

bool um_decode_options_is_given(const um_decode_options *options, um_decode_option option) {
    return (options->given & UM_OPTION_BIT(option)) != 0;
}

const char *um_decode_option_name(um_decode_option option) {
    switch (option) {
        case UM_OPTION_SUPPRESS:
            return "suppress";
        case UM_OPTION_SUPPRESS_CONFIDENCE:
            return "suppress_confidence";
        default:
            return (size_t)option < VALUE_OPTIONS ? option_table[option].name : NULL;
    }
}

const char *um_decode_option_help(um_decode_option option) {
    switch (option) {
        case UM_OPTION_SUPPRESS:
            return "ids that are never chosen";
        case UM_OPTION_SUPPRESS_CONFIDENCE:
            return "ids that get confidence 0, so they are committed last";
        default:
            return (size_t)option < VALUE_OPTIONS ? option_table[option].help : NULL;
    }
}

const char *um_decode_option_value(um_decode_option option) {
    static const char *const values[] = {
        [KIND_COUNT] = "N",  [KIND_REAL] = "X",          [KIND_SEED] = "N",
        [KIND_TOKEN] = "ID", [KIND_FLAG] = "true|false", [KIND_CACHE] = "NAME"};
    if (option == UM_OPTION_SUPPRESS || option == UM_OPTION_SUPPRESS_CONFIDENCE) {
        return "IDS";
    }
    return (size_t)option < VALUE_OPTIONS ? values[option_table[option].kind] : NULL;
}

static const void *field(const um_decode_options *options, const option_info *info) {
    return (const char *)options + info->offset;
}

static size_t field_size(option_kind kind) {
    switch (kind) {
        case KIND_COUNT:
            return sizeof(size_t);
        case KIND_REAL:
            return sizeof(double);
        case KIND_SEED:
            return sizeof(uint64_t);
        case KIND_TOKEN:
            return sizeof(int32_t);
        case KIND_FLAG:
            return sizeof(bool);
        case KIND_CACHE:
            return sizeof(um_cache_kind);
    }
    return 0;
}

/* The field as a number, for range checks; not meaningful for seeds. */
static double field_value(const um_decode_options *options, const option_info *info) {
    const void *at = field(options, info);
    switch (info->kind) {
        case KIND_COUNT:
            return (double)*(const size_t *)at;
        case KIND_REAL:
            return *(const double *)at;
        case KIND_TOKEN:
            return *(const int32_t *)at;
        case KIND_CACHE:
            return *(const um_cache_kind *)at;
        case KIND_SEED:
        case KIND_FLAG:
            break;
    }
    return info->minimum;
}

static um_status check_range(const option_info *info, double value, um_error *error) {
    if (!(value >= info->minimum && value <= info->maximum)) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "%s is %.10g, expected %.10g to %.10g", info->name,
                        value, info->minimum, info->maximum);
    }
    return UM_OK;
}

/* ---- From text ----------------------------------------------------------- */

static const option_info *find_option(const char *name) {
    for (size_t i = 0; i < VALUE_OPTIONS; i++) {
        if (strcmp(option_table[i].name, name) == 0) {
            return &option_table[i];
        }
    }
    return NULL;
}

static um_status not_a(const option_info *info, const char *text, const char *wanted,
                       um_error *error) {
    return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: \"%.40s\" is not %s", info->name, text, wanted);
}

static um_status parse_number(const option_info *info, const char *text, double *value,
                              um_error *error) {
    char *end = NULL;
    *value = um_number_parse(text, &end);
    if (end == text || *end != '\0' || !isfinite(*value)) {
        return not_a(info, text, "a number", error);
    }
    if (info->kind != KIND_REAL && *value != floor(*value)) {
        return not_a(info, text, "a whole number", error);
    }
    return check_range(info, *value, error);
}

static um_status parse_seed(const option_info *info, const char *text, uint64_t *value,
                            um_error *error) {
    char *end = NULL;
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0) {
        return not_a(info, text, "a whole number from 0 to 2^64 - 1", error);
    }
    return UM_OK;
}

static um_status parse_flag(const option_info *info, const char *text, bool *value,
                            um_error *error) {
    return um_text_to_flag(text, value) ? UM_OK : not_a(info, text, "true or false", error);
}

um_status um_decode_options_set(um_decode_options *options, const char *name, const char *text,
                                um_error *error) {
    const option_info *info = find_option(name);
    if (!info) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "there is no decoding option \"%.40s\"", name);
    }
    void *at = (char *)options + info->offset;
    double number = 0;
    if (info->kind == KIND_SEED) {
        UM_TRY(parse_seed(info, text, at, error));
    } else if (info->kind == KIND_FLAG) {
        UM_TRY(parse_flag(info, text, at, error));
    } else if (info->kind == KIND_CACHE) {
        UM_TRY(um_cache_find(text, at, error));
    } else {
        UM_TRY(parse_number(info, text, &number, error));
    }
    if (info->kind == KIND_COUNT) {
        *(size_t *)at = (size_t)number;
    } else if (info->kind == KIND_TOKEN) {
        *(int32_t *)at = (int32_t)number;
    } else if (info->kind == KIND_REAL) {
        *(double *)at = number;
    }
    um_decode_options_mark(options, (um_decode_option)(info - option_table));
    return UM_OK;
}

/* ---- Checks -------------------------------------------------------------- */

/* A field that differs from its default counts as given, whether it was marked or not. */
static void mark_changed(um_decode_options *options) {
    const um_decode_options defaults = um_decode_options_default();
    for (size_t i = 0; i < VALUE_OPTIONS; i++) {
        const option_info *info = &option_table[i];
        if (memcmp(field(options, info), field(&defaults, info), field_size(info->kind)) != 0) {
            um_decode_options_mark(options, (um_decode_option)i);
        }
    }
    if (options->suppress_count > 0) {
        um_decode_options_mark(options, UM_OPTION_SUPPRESS);
    }
    if (options->suppress_confidence_count > 0) {
        um_decode_options_mark(options, UM_OPTION_SUPPRESS_CONFIDENCE);
    }
}

/* "a, b, c": the algorithms to which the option means something. */
static void list_algorithms_with(um_decode_option option, char *names, size_t size) {
    const um_algorithm *algorithm;
    names[0] = '\0';
    for (size_t i = 0; (algorithm = um_algorithm_at(i)) != NULL; i++) {
        if ((algorithm->options & UM_OPTION_BIT(option)) != 0) {
            strncat(names, names[0] ? ", " : "", size - strlen(names) - 1);
            strncat(names, algorithm->name, size - strlen(names) - 1);
        }
    }
}

/* Why an algorithm that the user may not have named is there. */
static const char *origin_of(const um_decode_options *options, const um_algorithm *algorithm) {
    if (!options->is_default_algorithm) {
        return "";
    }
    return (options->given & algorithm->options & UM_SCHEDULE_OPTIONS) != 0
               ? ", the default with steps, eps or alg_temp"
               : ", the default";
}

static um_status check_meaning(const um_decode_options *options, const um_algorithm *algorithm,
                               um_error *error) {
    for (size_t i = 0; i < UM_OPTION_COUNT; i++) {
        const um_decode_option option = (um_decode_option)i;
        if (um_decode_options_is_given(options, option) &&
            (algorithm->options & UM_OPTION_BIT(option)) == 0) {
            char names[256];
            list_algorithms_with(option, names, sizeof names);
            return UM_RAISE(
                error, UM_ERR_ARGUMENT,
                "%s means nothing to the algorithm %s%s; leave it out, or choose one of %s",
                um_decode_option_name(option), algorithm->name, origin_of(options, algorithm),
                names);
        }
    }
    if (options->stop_token_count > 0 &&
        (algorithm->options & UM_OPTION_BIT(UM_OPTION_STOP_TOKEN)) == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "stop_tokens mean nothing to the algorithm %s; leave them out",
                        algorithm->name);
    }
    return UM_OK;
}

static um_status check_ranges(const um_decode_options *options, um_error *error) {
    for (size_t i = 0; i < VALUE_OPTIONS; i++) {
        if (um_decode_options_is_given(options, (um_decode_option)i)) {
            UM_TRY(check_range(&option_table[i], field_value(options, &option_table[i]), error));
        }
    }
    return UM_OK;
}

/* The options of a cache mean nothing without it. */
static um_status check_cache(const um_decode_options *options, um_error *error) {
    const um_cache_policy *policy = um_cache_policy_at(options->cache);
    if (um_decode_options_is_given(options, UM_OPTION_CACHE_REFRESH) && !policy->mark) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "cache_refresh means nothing without a cache; leave it out, or set cache");
    }
    if (um_decode_options_is_given(options, UM_OPTION_CACHE_WINDOW) && !policy->has_window) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "cache_window means nothing to the cache %s; leave it out, or use the "
                        "cache vicinity",
                        policy->name);
    }
    return UM_OK;
}

static um_status check_ids(const char *name, const int32_t *ids, size_t count,
                           size_t vocabulary_size, um_error *error) {
    for (size_t i = 0; i < count; i++) {
        if (ids[i] < 0 || (size_t)ids[i] >= vocabulary_size) {
            return UM_RAISE(error, UM_ERR_MISMATCH, "%s: id %ld is outside the vocabulary of %zu",
                            name, (long)ids[i], vocabulary_size);
        }
    }
    return UM_OK;
}

static um_status check_vocabulary(const um_decode_options *options, size_t vocabulary_size,
                                  um_error *error) {
    if (options->stop_token != UM_NO_TOKEN_ID) {
        UM_TRY(check_ids("stop_token", &options->stop_token, 1, vocabulary_size, error));
    }
    UM_TRY(check_ids("stop_tokens", options->stop_tokens, options->stop_token_count,
                     vocabulary_size, error));
    UM_TRY(
        check_ids("suppress", options->suppress, options->suppress_count, vocabulary_size, error));
    UM_TRY(check_ids("suppress_confidence", options->suppress_confidence,
                     options->suppress_confidence_count, vocabulary_size, error));
    const size_t most = options->suppress_count + (options->forbid_mask ? 1 : 0);
    if (most >= vocabulary_size) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "suppress: %zu ids of a vocabulary of %zu leave nothing to choose", most,
                        vocabulary_size);
    }
    return UM_OK;
}

static um_status check_canvas(const um_canvas *canvas, const um_algorithm *algorithm,
                              size_t vocabulary_size, um_error *error) {
    if (canvas->masked_count == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "canvas: no masked position; nothing to decode");
    }
    if (algorithm->shows_masks && canvas->mask_token == UM_NO_TOKEN_ID) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "canvas: no mask token, and the algorithm %s shows masks to the model",
                        algorithm->name);
    }
    for (size_t p = 0; p < canvas->length; p++) {
        const bool is_absent_mask =
            canvas->states[p] == UM_POSITION_MASKED && canvas->tokens[p] == UM_NO_TOKEN_ID;
        if (!is_absent_mask) {
            UM_TRY(check_ids("canvas", &canvas->tokens[p], 1, vocabulary_size, error));
        }
    }
    return UM_OK;
}

um_status um_decode_options_resolve(um_decode_options *options, const um_canvas *canvas,
                                    size_t vocabulary_size, um_error *error) {
    const um_algorithm *algorithm = NULL;
    UM_TRY(um_algorithm_find(options->algorithm, &algorithm, error));
    mark_changed(options);
    UM_TRY(check_meaning(options, algorithm, error));
    UM_TRY(check_ranges(options, error));
    UM_TRY(check_cache(options, error));
    UM_TRY(check_canvas(canvas, algorithm, vocabulary_size, error));
    UM_TRY(check_vocabulary(options, vocabulary_size, error));
    if (!um_decode_options_is_given(options, UM_OPTION_STEPS) && !algorithm->open_ended) {
        options->steps = canvas->masked_count;
    }
    if (!um_decode_options_is_given(options, UM_OPTION_BLOCK_LENGTH)) {
        options->block_length = canvas->answer_count;
    }
    if (!um_decode_options_is_given(options, UM_OPTION_CACHE_REFRESH)) {
        options->cache_refresh = um_cache_policy_at(options->cache)->default_refresh;
    }
    if (!um_decode_options_is_given(options, UM_OPTION_CACHE_WINDOW)) {
        options->cache_window = DEFAULT_CACHE_WINDOW;
    }
    return algorithm->check ? algorithm->check(options, canvas, error) : UM_OK;
}

/* ---- To JSON ------------------------------------------------------------- */

static um_status format_ids(const char *name, const int32_t *ids, size_t count, um_buffer *json,
                            um_error *error) {
    if (count == 0) {
        return UM_OK;
    }
    UM_TRY(um_buffer_append_format(json, error, ",\"%s\":[", name));
    for (size_t i = 0; i < count; i++) {
        UM_TRY(um_buffer_append_format(json, error, "%s%ld", i ? "," : "", (long)ids[i]));
    }
    return um_buffer_append_text(json, "]", error);
}

static um_status format_option(const um_decode_options *options, const option_info *info,
                               um_buffer *json, um_error *error) {
    const void *at = field(options, info);
    switch (info->kind) {
        case KIND_SEED: /* a string: not every JSON reader has 64-bit integers */
            return um_buffer_append_format(json, error, "\"%s\":\"%llu\"", info->name,
                                           (unsigned long long)*(const uint64_t *)at);
        case KIND_FLAG:
            return um_buffer_append_format(json, error, "\"%s\":%s", info->name,
                                           *(const bool *)at ? "true" : "false");
        case KIND_CACHE:
            return um_buffer_append_format(json, error, "\"%s\":\"%s\"", info->name,
                                           um_cache_policy_at(options->cache)->name);
        case KIND_COUNT:
        case KIND_REAL:
        case KIND_TOKEN:
            break;
    }
    return um_buffer_append_format(json, error, "\"%s\":%.17g", info->name,
                                   field_value(options, info));
}

/* Whether the option means something, given the values of the others. */
static bool is_in_use(const um_decode_options *options, size_t option) {
    const um_cache_policy *policy = um_cache_policy_at(options->cache);
    if (field_value(options, &option_table[option]) < option_table[option].minimum) {
        return false; /* such as no token, or no limit on steps */
    }
    return (option != UM_OPTION_CACHE_REFRESH || policy->mark) &&
           (option != UM_OPTION_CACHE_WINDOW || policy->has_window);
}

um_status um_decode_options_format(const um_decode_options *options, um_buffer *json,
                                   um_error *error) {
    const um_algorithm *algorithm = NULL;
    UM_TRY(um_algorithm_find(options->algorithm, &algorithm, error));
    UM_TRY(um_buffer_append_text(json, "{", error));
    const char *separator = "";
    for (size_t i = 0; i < VALUE_OPTIONS; i++) {
        if ((algorithm->options & UM_OPTION_BIT(i)) != 0 && is_in_use(options, i)) {
            UM_TRY(um_buffer_append_text(json, separator, error));
            UM_TRY(format_option(options, &option_table[i], json, error));
            separator = ",";
        }
    }
    UM_TRY(format_ids("stop_tokens", options->stop_tokens, options->stop_token_count, json, error));
    UM_TRY(format_ids("suppress", options->suppress, options->suppress_count, json, error));
    UM_TRY(format_ids("suppress_confidence", options->suppress_confidence,
                      options->suppress_confidence_count, json, error));
    return um_buffer_append_text(json, "}", error);
}
