/* GGUF files and quantised weights through the public interface. */
#include "api_testing.h"

#include <sys/stat.h>

#include "api/quantised_model.h"
#include "cli/convert/convert_files.h"

static void convert(const char *input, const char *output, um_weight_mix mix) {
    um_error error = {0};
    um_convert_result result;
    const um_convert_request request = {
        .input = input, .output = output, .has_mix = true, .mix = mix, .threads = 1};
    assert_ok(um_cli_convert(&request, &result, &error), &error);
}

static um_result complete(um_session *session) {
    const um_part parts[] = {text_part("def add(a, b):"), hole_part(12)};
    const um_request request = {.parts = parts, .part_count = 2};
    return run_request(session, &request, NULL);
}

static void a_file_says_what_its_directory_said(void **state) {
    (void)state;
    um_error error = {0};
    api_fixture fixture = api_open();
    char path[512];
    (void)snprintf(path, sizeof path, "%s", scratch_path(&fixture.directory, "random.gguf"));
    convert(fixture.directory.path, path, UM_MIX_F32);
    um_model *model = NULL;
    um_session *session = NULL;
    assert_ok(um_model_open(path, NULL, &model, &error), &error);
    assert_ok(um_session_create(model, NULL, &session, &error), &error);
    um_model_info of_file;
    um_model_info of_directory;
    um_model_get_info(model, &of_file);
    um_model_get_info(fixture.model, &of_directory);
    assert_string_equal(of_file.name, "random");
    assert_string_equal(of_file.family, of_directory.family);
    assert_int_equal(of_file.parameter_count, of_directory.parameter_count);
    assert_int_equal(of_file.mask_token, of_directory.mask_token);
    assert_int_equal(of_file.pad_token, of_directory.pad_token);
    assert_int_equal(of_file.end_token_count, of_directory.end_token_count);
    assert_memory_equal(of_file.end_tokens, of_directory.end_tokens,
                        of_file.end_token_count * sizeof *of_file.end_tokens);
    um_result left = complete(fixture.session);
    um_result right = complete(session);
    assert_same_tokens(&left, &right);
    um_result_clear(&left);
    um_result_clear(&right);
    um_session_free(session);
    um_model_close(model);
    api_close(&fixture);
}

static size_t files_in(const char *path) {
    size_t count = 0;
    DIR *stream = opendir(path);
    for (struct dirent *entry = stream ? readdir(stream) : NULL; entry; entry = readdir(stream)) {
        count += entry->d_name[0] != '.';
    }
    if (stream) {
        (void)closedir(stream);
    }
    return count;
}

static um_model *open_quantised(const char *path, const char *type, const char *cache) {
    um_error error = {0};
    um_model *model = NULL;
    const um_model_options options = {.quantize = type, .quantize_cache = cache};
    assert_ok(um_model_open(path, &options, &model, &error), &error);
    return model;
}

static void weights_are_quantised_and_small_ones_not_kept(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    um_model_config config = random_model_config();
    const scratch cache = scratch_make();
    um_error error = {0};
    config.hidden_size = 32;
    config.head_dim = 8;
    assert_ok(random_model_write(&config, QWEN_STYLE, fixture.directory.path, &error), &error);
    um_model *model = open_quantised(fixture.directory.path, "q8_0", cache.path);
    um_model_info info;
    um_model_get_info(model, &info);
    assert_true(info.weight_bytes < info.parameter_count * 5 / 4);
    assert_null(model->checkpoint); /* nothing of the files stays mapped */
    assert_int_equal(files_in(cache.path), 0);
    um_model_close(model);
    scratch_remove(&cache);
    api_close(&fixture);
}

/* As um_model_open, but quantised weights are kept even if quantising them took no time. */
static um_model *open_and_keep(const char *path, const char *cache) {
    um_error error = {0};
    um_model *model = NULL;
    const um_model_options options = {.quantize = "q8_0", .quantize_cache = cache};
    assert_ok(um_model_open(path, NULL, &model, &error), &error);
    assert_ok(um_model_quantise(model, path, &options, -1, &error), &error);
    return model;
}

static void quantised_weights_are_kept_and_found_again(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    um_model_config config = random_model_config();
    const scratch parent = scratch_make();
    scratch made; /* by the first model that is kept */
    um_error error = {0};
    (void)snprintf(made.path, sizeof made.path, "%.40s/made", parent.path);
    const char *cache = made.path;
    config.hidden_size = 32;
    config.head_dim = 8;
    assert_ok(random_model_write(&config, QWEN_STYLE, fixture.directory.path, &error), &error);
    um_model *fresh = open_quantised(fixture.directory.path, "q8_0", NULL);
    um_model *kept = open_and_keep(fixture.directory.path, cache);
    assert_int_equal(files_in(cache), 1);
    um_model *found = open_quantised(fixture.directory.path, "q8_0", cache);
    um_model *const opened[] = {kept, found};
    for (size_t i = 0; i < 2; i++) {
        const um_tensor *expected = &fresh->parameters.layers[1].down;
        const um_tensor *tensor = &opened[i]->parameters.layers[1].down;
        assert_true(um_checkpoint_is_gguf(opened[i]->checkpoint)); /* mapped from the file */
        assert_int_equal(tensor->dtype, UM_DTYPE_Q8_0);
        assert_memory_equal(tensor->data, expected->data,
                            um_dtype_row_bytes(UM_DTYPE_Q8_0, 32 * 32));
        um_model_close(opened[i]);
    }
    um_model_close(fresh);
    /* Files written anew under the same path do not match the kept ones. */
    config.rope_base = 20000;
    assert_ok(random_model_write(&config, QWEN_STYLE, fixture.directory.path, &error), &error);
    um_model *changed = open_quantised(fixture.directory.path, "q8_0", cache);
    assert_null(changed->checkpoint);
    um_model_close(changed);
    scratch_remove(&made);
    scratch_remove(&parent);
    api_close(&fixture);
}

/* The one file in the cache. */
static void find_kept(const scratch *cache, char path[512]) {
    DIR *stream = opendir(cache->path);
    assert_non_null(stream);
    for (struct dirent *entry = readdir(stream); entry; entry = readdir(stream)) {
        if (entry->d_name[0] != '.') {
            (void)snprintf(path, 512, "%s", scratch_path(cache, entry->d_name));
        }
    }
    (void)closedir(stream);
}

static void damaged_and_partial_files_are_replaced(void **state) {
    (void)state;
    api_fixture fixture = api_open();
    um_model_config config = random_model_config();
    const scratch cache = scratch_make();
    um_error error = {0};
    config.hidden_size = 32;
    config.head_dim = 8;
    assert_ok(random_model_write(&config, QWEN_STYLE, fixture.directory.path, &error), &error);
    um_model_close(open_and_keep(fixture.directory.path, cache.path));
    char kept[512];
    char partial[600];
    find_kept(&cache, kept);
    (void)snprintf(partial, sizeof partial, "%s.part-abcdef", kept); /* of a killed process */
    assert_int_equal(truncate(kept, 3000), 0);
    assert_ok(um_file_write(partial, "GGUF", 4, &error), &error);
    um_model_close(open_and_keep(fixture.directory.path, cache.path));
    assert_int_equal(files_in(cache.path), 1);
    um_model *found = open_quantised(fixture.directory.path, "q8_0", cache.path);
    assert_true(um_checkpoint_is_gguf(found->checkpoint));
    um_model_close(found);
    scratch_remove(&cache);
    api_close(&fixture);
}

static bool give_up(void *user, size_t done, size_t total) {
    (*(size_t *)user)++;
    return done > total;
}

static void what_cannot_be_quantised_is_refused(void **state) {
    (void)state;
    um_error error = {0};
    api_fixture fixture = api_open();
    um_model *model = NULL;
    um_model_options options = {.quantize = "q3_k"};
    assert_int_equal(um_model_open(fixture.directory.path, &options, &model, &error),
                     UM_ERR_ARGUMENT);
    assert_message(&error, "quantize \"q3_k\" is unknown: use q8_0, q4_0");
    options.quantize = "f16";
    assert_int_equal(um_model_open(fixture.directory.path, &options, &model, &error),
                     UM_ERR_ARGUMENT);
    size_t calls = 0;
    options = (um_model_options){.quantize = "q8_0", .progress = give_up, .progress_user = &calls};
    assert_int_equal(um_model_open(fixture.directory.path, &options, &model, &error),
                     UM_ERR_CANCELLED);
    assert_int_equal(calls, 1);
    assert_null(model);
    um_model_config config = random_model_config();
    config.hidden_size = 32;
    config.head_dim = 8;
    assert_ok(random_model_write(&config, QWEN_STYLE, fixture.directory.path, &error), &error);
    char path[512];
    (void)snprintf(path, sizeof path, "%s", scratch_path(&fixture.directory, "q.gguf"));
    convert(fixture.directory.path, path, UM_MIX_Q8_0);
    options = (um_model_options){.quantize = "q4_0"};
    assert_int_equal(um_model_open(path, &options, &model, &error), UM_ERR_ARGUMENT);
    assert_message(&error, "is Q8_0 already");
    api_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_says_what_its_directory_said),
        cmocka_unit_test(weights_are_quantised_and_small_ones_not_kept),
        cmocka_unit_test(quantised_weights_are_kept_and_found_again),
        cmocka_unit_test(damaged_and_partial_files_are_replaced),
        cmocka_unit_test(what_cannot_be_quantised_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
