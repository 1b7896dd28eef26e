/* What the samples of an evaluation depend on. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file_hash.h"
#include "base/hash.h"
#include "base/mapped_file.h"
#include "base/text.h"
#include "cli/eval/eval.h"
#include "cli/request/model_path.h"
#include "model/tokenizer_copy.h"

static void format_hash(uint64_t hash, char text[17]) {
    (void)snprintf(text, 17, "%016llx", (unsigned long long)hash);
}

/* Files of a directory that a model is read from. */
static int is_model_file(const struct dirent *entry) {
    const char *name = entry->d_name;
    for (size_t i = 0; um_model_tokenizer_file(i); i++) {
        if (strcmp(name, um_model_tokenizer_file(i)) == 0) {
            return !um_text_ends_with(name, ".py"); /* these are for other programs */
        }
    }
    return strcmp(name, "config.json") == 0 || um_text_ends_with(name, ".safetensors") ||
           um_text_ends_with(name, ".safetensors.index.json");
}

static int order_of_names(const struct dirent **left, const struct dirent **right) {
    return strcmp((*left)->d_name, (*right)->d_name);
}

static um_status hash_file_of(const char *directory, const char *name, uint64_t *hash,
                              um_error *error) {
    char path[UM_EVAL_PATH_SIZE];
    uint64_t part = 0;
    UM_TRY(um_path_join(path, sizeof path, directory, name, error));
    UM_TRY(um_file_hash(path, &part, error));
    *hash = um_hash_add_bytes(*hash, name, strlen(name));
    *hash = um_hash_add(*hash, part);
    return UM_OK;
}

static um_status hash_files(const char *path, uint64_t *hash, um_error *error) {
    struct stat kind;
    struct dirent **entries = NULL;
    if (stat(path, &kind) != 0 || !S_ISDIR(kind.st_mode)) {
        return um_file_hash(path, hash, error);
    }
    const int count = scandir(path, &entries, is_model_file, order_of_names);
    if (count < 0) {
        return um_error_set_errno(error, errno, "%s", path);
    }
    um_status status = UM_OK;
    *hash = UM_HASH_START;
    for (int i = 0; i < count; i++) {
        if (status == UM_OK) {
            status = hash_file_of(path, entries[i]->d_name, hash, error);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

um_status um_eval_hash_model(const um_model_choice *choice, char text[17], um_error *error) {
    const char *path = NULL;
    uint64_t hash = 0;
    UM_TRY(um_cli_model_path(choice->model, &path, error));
    UM_TRY(hash_files(path, &hash, error));
    format_hash(hash, text);
    return UM_OK;
}

/* What a request of the run is decoded with. */
typedef struct probe {
    json_t *settings; /* NULL: out of memory */
    const char *algorithm;
} probe;

/* Add the tokens that end answers, unless they are the stop tokens, which the settings contain. */
static bool add_end_tokens(const um_start_event *start, json_t *settings) {
    json_t *ids = json_array();
    for (size_t i = 0; i < start->end_token_count; i++) {
        (void)json_array_append_new(ids, json_integer(start->end_tokens[i]));
    }
    if (ids && json_equal(ids, json_object_get(settings, "stop_tokens"))) {
        json_decref(ids);
        return true;
    }
    return json_object_set_new(settings, "end_tokens", ids) == 0;
}

static void on_start(void *user, const um_start_event *start) {
    probe *found = user;
    found->algorithm = start->algorithm;
    found->settings = json_loads(start->settings, 0, NULL);
    if (found->settings && !add_end_tokens(start, found->settings)) {
        json_decref(found->settings);
        found->settings = NULL;
    }
}

static bool stop_at_once(void *user) {
    (void)user;
    return true;
}

/* The decoding options with all defaults filled in, as decoding a request of the run reports
 * them. */
static um_status probe_decoding(const um_eval_run *run, json_t **decoding, um_error *error) {
    um_session *session = NULL;
    um_result result = {0};
    um_prompt_request asked;
    probe found = {0};
    const um_callbacks callbacks = {
        .user = &found, .start = on_start, .is_cancelled = stop_at_once};
    UM_TRY(um_session_create(run->subject->model, NULL, &session, error));
    um_status status = um_eval_ask(run->request, &run->place->tasks, 0, 0, &asked, error);
    if (status == UM_OK) {
        status = um_generate(session, &asked.request, &callbacks, &result, error);
    }
    um_prompt_request_free(&asked);
    um_result_clear(&result);
    um_session_free(session);
    if (status != UM_OK && status != UM_ERR_CANCELLED) {
        json_decref(found.settings);
        return status;
    }
    if (!found.settings ||
        json_object_set_new(found.settings, "algorithm", json_string(found.algorithm)) != 0) {
        json_decref(found.settings);
        return um_error_memory(error, "settings", 0);
    }
    *decoding = found.settings;
    return UM_OK;
}

static json_t *text_or_null(const char *text) {
    return text ? json_string(text) : json_null();
}

/* Settings that are noted only if they are not the defaults. */
static um_status add_rare_settings(const um_eval_request *request, json_t *settings,
                                   um_error *error) {
    const um_step_share steps = request->decoding.steps;
    if (um_step_share_is_set(steps)) { /* in place of the steps of the first problem */
        char text[UM_STEP_SHARE_TEXT];
        (void)snprintf(text, sizeof text, "%zu/%zu", steps.part, steps.whole);
        if (json_object_set_new(json_object_get(settings, "decoding"), "steps",
                                json_string(text)) != 0) {
            return um_error_memory(error, "settings", 0);
        }
    }
    const um_model_options *model = &request->model.options;
    const um_judge_options *judge = &request->judge.judge;
    const bool stored =
        (request->limit == 0 ||
         json_object_set_new(settings, "limit", json_integer((json_int_t)request->limit)) == 0) &&
        (judge->level == UM_SANDBOX_FULL ||
         json_object_set_new(settings, "sandbox_level",
                             json_string(um_sandbox_level_name(judge->level))) == 0) &&
        (!request->bos || json_object_set_new(settings, "bos", json_true()) == 0) &&
        (!judge->fresh || json_object_set_new(settings, "fresh", json_true()) == 0) &&
        (!model->mask_token ||
         json_object_set_new(settings, "mask_token", json_string(model->mask_token)) == 0) &&
        (model->attention_block_length == 0 ||
         json_object_set_new(settings, "attention_block_length",
                             json_integer((json_int_t)model->attention_block_length)) == 0);
    return stored ? UM_OK : um_error_memory(error, "settings", 0);
}

um_status um_eval_make_settings(um_eval_run *run, um_error *error) {
    const um_eval_request *request = run->request;
    const um_eval_subject *subject = run->subject;
    const um_judge_options *judge = &request->judge.judge;
    uint64_t of_problems = 0;
    char problems[17];
    json_t *decoding = NULL;
    UM_TRY(um_file_hash(request->problems, &of_problems, error));
    UM_TRY(probe_decoding(run, &decoding, error));
    format_hash(of_problems, problems);
    run->settings = json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:s, s:b, s:o, s:I, s:I, s:I, s:I, s:o, s:f, s:I}", "model_hash",
        subject->hash, "attention", subject->info.attention, "logit_alignment",
        subject->info.logit_alignment, "kernels", subject->info.kernels, "quantize",
        text_or_null(request->model.options.quantize), "problems_hash", problems, "instruct",
        request->instruct, "system", text_or_null(request->system), "shots",
        (json_int_t)request->shots, "first_id", (json_int_t)request->first_id, "last_id",
        (json_int_t)request->last_id, "length", (json_int_t)request->length, "decoding", decoding,
        "timeout", judge->timeout_seconds, "memory", (json_int_t)judge->memory_mib);
    if (!run->settings ||
        json_object_set_new(run->settings, "infilling_length",
                            json_integer((json_int_t)request->infilling_length)) != 0 ||
        json_object_set_new(run->settings, "form",
                            json_string(um_eval_form_name(run->place->tasks.style.form))) != 0) {
        return um_error_memory(error, "settings", 0);
    }
    return add_rare_settings(request, run->settings, error);
}
