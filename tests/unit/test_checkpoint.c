#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mapped_file.h"
#include "scratch.h"
#include "weights/checkpoint.h"
#include "weights/safetensors_writer.h"

static const float values[6] = {1.0f, -2.0f, 0.5f, 3.25f, 0.0f, 1024.0f};

static um_named_tensor named(const char *name, const void *data, um_dtype dtype, size_t rows,
                             size_t columns) {
    return (um_named_tensor){name,
                             {.data = data, .dtype = dtype, .rank = 2, .shape = {rows, columns}}};
}

static void write_file(const scratch *directory, const char *file, const char *tensor) {
    um_error error = {0};
    const um_named_tensor one = named(tensor, values, UM_DTYPE_F32, 2, 3);
    assert_ok(um_safetensors_write(scratch_path(directory, file), &one, 1, UM_DTYPE_F32, &error),
              &error);
}

static void write_index(const scratch *directory, const char *map) {
    char text[512];
    const int length = snprintf(text, sizeof text, "{\"weight_map\":%s}", map);
    scratch_write(directory, "model.safetensors.index.json", text, (size_t)length);
}

static void tensors_survive_writing_and_reading(void **state) {
    (void)state;
    const scratch directory = scratch_make();
    const uint16_t half[2] = {0x3C00, 0xC000}; /* 1, -2 */
    const um_named_tensor tensors[] = {
        named("second", values, UM_DTYPE_F32, 2, 3),
        named("first \"quoted\"", half, UM_DTYPE_F16, 1, 2),
    };
    for (int dtype = UM_DTYPE_F32; dtype <= UM_DTYPE_BF16; dtype++) {
        um_error error = {0};
        assert_ok(um_safetensors_write(scratch_path(&directory, "model.safetensors"), tensors, 2,
                                       (um_dtype)dtype, &error),
                  &error);
        um_checkpoint *checkpoint = NULL;
        assert_ok(um_checkpoint_open(directory.path, &checkpoint, &error), &error);
        assert_int_equal(um_checkpoint_count(checkpoint), 2);
        assert_string_equal(um_checkpoint_entry(checkpoint, 0)->name, "first \"quoted\"");
        assert_string_equal(um_checkpoint_entry(checkpoint, 1)->file, "model.safetensors");
        um_tensor tensor = {0};
        assert_true(um_checkpoint_find(checkpoint, "second", &tensor));
        assert_int_equal(tensor.dtype, dtype);
        assert_int_equal(tensor.shape[0], 2);
        assert_int_equal(tensor.shape[1], 3);
        float read[6];
        um_convert_to_f32(tensor.dtype, tensor.data, read, 6);
        assert_memory_equal(read, values, sizeof values);
        assert_true(um_checkpoint_find(checkpoint, "first \"quoted\"", &tensor));
        um_convert_to_f32(tensor.dtype, tensor.data, read, 2);
        assert_true(read[0] == 1.0f && read[1] == -2.0f);
        assert_false(um_checkpoint_find(checkpoint, "third", &tensor));
        um_checkpoint_close(checkpoint);
    }
    scratch_remove(&directory);
}

static void long_tensors_are_converted_whole(void **state) {
    (void)state;
    enum { COUNT = 10000 };
    float *many = malloc(COUNT * sizeof *many);
    float *read = malloc(COUNT * sizeof *read);
    assert_true(many && read);
    for (size_t i = 0; i < COUNT; i++) {
        many[i] = (float)(i % 255);
    }
    const scratch directory = scratch_make();
    const um_named_tensor one = named("a", many, UM_DTYPE_F32, 1, COUNT);
    um_error error = {0};
    assert_ok(um_safetensors_write(scratch_path(&directory, "model.safetensors"), &one, 1,
                                   UM_DTYPE_BF16, &error),
              &error);
    um_checkpoint *checkpoint = NULL;
    assert_ok(um_checkpoint_open(directory.path, &checkpoint, &error), &error);
    um_tensor tensor = {0};
    assert_true(um_checkpoint_find(checkpoint, "a", &tensor));
    um_convert_to_f32(tensor.dtype, tensor.data, read, COUNT);
    assert_memory_equal(read, many, COUNT * sizeof *many);
    um_checkpoint_close(checkpoint);
    free(many);
    free(read);
    scratch_remove(&directory);
}

static void values_that_do_not_fit_are_named_and_leave_no_file(void **state) {
    (void)state;
    const scratch directory = scratch_make();
    const float large[2] = {1.0f, 70000.0f};
    const um_named_tensor one = named("a", large, UM_DTYPE_F32, 1, 2);
    um_error error = {0};
    assert_int_equal(um_safetensors_write(scratch_path(&directory, "model.safetensors"), &one, 1,
                                          UM_DTYPE_F16, &error),
                     UM_ERR_MISMATCH);
    assert_string_equal(error.message, "a: element 1 is 70000, too large for F16");
    assert_false(um_file_exists(directory.path, "model.safetensors"));
    scratch_remove(&directory);
}

static void other_types_are_listed_but_not_found(void **state) {
    (void)state;
    const scratch directory = scratch_make();
    const char json[] = "{\"ids\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}";
    char file[8 + sizeof json - 1 + 8] = {(char)(sizeof json - 1)};
    memcpy(file + 8, json, sizeof json - 1);
    scratch_write(&directory, "model.safetensors", file, sizeof file);
    um_error error = {0};
    um_checkpoint *checkpoint = NULL;
    assert_ok(um_checkpoint_open(directory.path, &checkpoint, &error), &error);
    um_tensor tensor = {0};
    assert_false(um_checkpoint_find(checkpoint, "ids", &tensor));
    const um_stored_tensor *stored = um_checkpoint_lookup(checkpoint, "ids");
    assert_non_null(stored);
    assert_false(stored->supported);
    assert_string_equal(stored->dtype_name, "I64");
    um_checkpoint_close(checkpoint);
    scratch_remove(&directory);
}

static void unaligned_data_is_copied_to_aligned_memory(void **state) {
    (void)state;
    const scratch directory = scratch_make();
    /* The header is not padded for alignment: the data starts at an odd byte. */
    const char json[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}}   ";
    assert_int_not_equal((sizeof json - 1) % sizeof(float), 0);
    char file[8 + sizeof json - 1 + 8] = {(char)(sizeof json - 1)};
    memcpy(file + 8, json, sizeof json - 1);
    memcpy(file + 8 + sizeof json - 1, values, 8);
    scratch_write(&directory, "model.safetensors", file, sizeof file);
    um_error error = {0};
    um_checkpoint *checkpoint = NULL;
    assert_ok(um_checkpoint_open(directory.path, &checkpoint, &error), &error);
    um_tensor tensor = {0};
    assert_true(um_checkpoint_find(checkpoint, "a", &tensor));
    assert_int_equal((uintptr_t)tensor.data % sizeof(float), 0);
    assert_memory_equal(tensor.data, values, 8);
    um_checkpoint_close(checkpoint);
    scratch_remove(&directory);
}

static void shards_are_read_through_the_index(void **state) {
    (void)state;
    const scratch directory = scratch_make();
    write_file(&directory, "one.safetensors", "a");
    write_file(&directory, "two.safetensors", "b");
    write_index(&directory, "{\"b\":\"two.safetensors\",\"a\":\"one.safetensors\"}");
    um_error error = {0};
    um_checkpoint *checkpoint = NULL;
    assert_ok(um_checkpoint_open(directory.path, &checkpoint, &error), &error);
    assert_int_equal(um_checkpoint_count(checkpoint), 2);
    assert_string_equal(um_checkpoint_lookup(checkpoint, "a")->file, "one.safetensors");
    assert_string_equal(um_checkpoint_lookup(checkpoint, "b")->file, "two.safetensors");
    um_checkpoint_close(checkpoint);
    scratch_remove(&directory);
}

static const struct wrong_index {
    const char *map;
    um_status status;
    const char *message;
} wrong_indexes[] = {
    {"{}", UM_ERR_FORMAT, "\"weight_map\" is empty"},
    {"[]", UM_ERR_FORMAT, "\"weight_map\" is an array"},
    {"{\"a\":3}", UM_ERR_FORMAT, "tensor a: not the name of a file"},
    {"{\"a\":\"../one.safetensors\"}", UM_ERR_FORMAT, "not the name of a file"},
    {"{\"a\":\"/etc/passwd\"}", UM_ERR_FORMAT, "not the name of a file"},
    {"{\"a\":\"\"}", UM_ERR_FORMAT, "not the name of a file"},
    {"{\"a\":\"three.safetensors\"}", UM_ERR_IO, "three.safetensors: No such file"},
    {"{\"a\":\"one.safetensors\",\"c\":\"two.safetensors\"}", UM_ERR_MISMATCH,
     "tensor c is not in two.safetensors"},
    {"{\"a\":\"two.safetensors\",\"b\":\"one.safetensors\"}", UM_ERR_MISMATCH, "as listed"},
    {"{\"a\":\"one.safetensors\",\"b\":\"again.safetensors\"}", UM_ERR_MISMATCH,
     "tensor a is in both"},
};

static void wrong_indexes_are_refused(void **state) {
    (void)state;
    const scratch directory = scratch_make();
    write_file(&directory, "one.safetensors", "a");
    write_file(&directory, "two.safetensors", "b");
    write_file(&directory, "again.safetensors", "a");
    for (size_t i = 0; i < sizeof wrong_indexes / sizeof *wrong_indexes; i++) {
        write_index(&directory, wrong_indexes[i].map);
        um_error error = {0};
        um_checkpoint *checkpoint = NULL;
        const um_status status = um_checkpoint_open(directory.path, &checkpoint, &error);
        if (status != wrong_indexes[i].status || !strstr(error.message, wrong_indexes[i].message)) {
            fail_msg("%s: status %d, \"%s\"", wrong_indexes[i].map, (int)status, error.message);
        }
        assert_null(checkpoint);
    }
    scratch_remove(&directory);
}

static void a_directory_without_weights_says_what_is_missing(void **state) {
    (void)state;
    const scratch directory = scratch_make();
    um_error error = {0};
    um_checkpoint *checkpoint = NULL;
    assert_int_equal(um_checkpoint_open(directory.path, &checkpoint, &error), UM_ERR_IO);
    assert_non_null(strstr(error.message, "neither model.safetensors nor"));
    scratch_write(&directory, "pytorch_model.bin", "", 0);
    assert_int_equal(um_checkpoint_open(directory.path, &checkpoint, &error), UM_ERR_IO);
    assert_non_null(strstr(error.message, "convert pytorch_model.bin"));
    scratch_remove(&directory);
}

static void broken_files_are_named(void **state) {
    (void)state;
    const scratch directory = scratch_make();
    scratch_write(&directory, "model.safetensors", "", 0);
    um_error error = {0};
    um_checkpoint *checkpoint = NULL;
    assert_int_equal(um_checkpoint_open(directory.path, &checkpoint, &error), UM_ERR_FORMAT);
    assert_non_null(strstr(error.message, "/model.safetensors: 0 bytes are too few"));
    scratch_remove(&directory);
}

static void count_problem(void *user, const um_error *problem) {
    assert_true(problem->message[0] != '\0');
    (*(size_t *)user)++;
}

static void problems_are_collected_when_asked_for(void **state) {
    (void)state;
    const scratch directory = scratch_make();
    write_file(&directory, "one.safetensors", "a");
    scratch_write(&directory, "two.safetensors", "xxxxxxxxxxxx", 12);
    write_index(&directory, "{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\","
                            "\"c\":\"three.safetensors\"}");
    um_error error = {0};
    um_checkpoint *checkpoint = NULL;
    size_t problems = 0;
    assert_ok(
        um_checkpoint_open_partly(directory.path, count_problem, &problems, &checkpoint, &error),
        &error);
    /* A broken file, a missing one, and the two tensors that they should hold. */
    assert_int_equal(problems, 4);
    assert_int_equal(um_checkpoint_count(checkpoint), 1);
    assert_non_null(um_checkpoint_lookup(checkpoint, "a"));
    um_checkpoint_close(checkpoint);
    scratch_remove(&directory);
}

static void ten_thousand_tensors_are_found(void **state) {
    (void)state;
    enum { COUNT = 10000 };
    const scratch directory = scratch_make();
    um_named_tensor *tensors = calloc(COUNT, sizeof *tensors);
    char(*names)[16] = calloc(COUNT, sizeof *names);
    assert_true(tensors && names);
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], sizeof names[i], "t.%zu", i);
        tensors[i] = named(names[i], &values[i % 6], UM_DTYPE_F32, 1, 1);
    }
    um_error error = {0};
    assert_ok(um_safetensors_write(scratch_path(&directory, "model.safetensors"), tensors, COUNT,
                                   UM_DTYPE_F32, &error),
              &error);
    um_checkpoint *checkpoint = NULL;
    assert_ok(um_checkpoint_open(directory.path, &checkpoint, &error), &error);
    for (size_t i = 0; i < COUNT; i++) {
        um_tensor tensor = {0};
        assert_true(um_checkpoint_find(checkpoint, names[i], &tensor));
        assert_memory_equal(tensor.data, &values[i % 6], sizeof(float));
    }
    um_checkpoint_close(checkpoint);
    free(tensors);
    free(names);
    scratch_remove(&directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_survive_writing_and_reading),
        cmocka_unit_test(long_tensors_are_converted_whole),
        cmocka_unit_test(values_that_do_not_fit_are_named_and_leave_no_file),
        cmocka_unit_test(other_types_are_listed_but_not_found),
        cmocka_unit_test(unaligned_data_is_copied_to_aligned_memory),
        cmocka_unit_test(shards_are_read_through_the_index),
        cmocka_unit_test(wrong_indexes_are_refused),
        cmocka_unit_test(a_directory_without_weights_says_what_is_missing),
        cmocka_unit_test(broken_files_are_named),
        cmocka_unit_test(problems_are_collected_when_asked_for),
        cmocka_unit_test(ten_thousand_tensors_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
