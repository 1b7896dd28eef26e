/* Append-only files: what is there stays, and a record is written whole or not at all. */
#include "base/append_file.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"

#include "base/buffer.h"
#include "base/mapped_file.h"

static void assert_contents(const char *path, const char *expected) {
    um_buffer contents = {0};
    um_error error = {0};
    assert_ok(um_file_read(path, 1000, &contents, &error), &error);
    assert_string_equal(um_buffer_text(&contents), expected);
    um_buffer_free(&contents);
}

static um_append_file open_at(const char *path) {
    um_append_file file;
    um_error error = {0};
    assert_ok(um_append_file_open(path, &file, &error), &error);
    return file;
}

static void write_text(um_append_file *file, const char *text) {
    um_error error = {0};
    assert_ok(um_append_file_write(file, text, strlen(text), &error), &error);
}

static void records_are_added_behind_what_is_kept(void **state) {
    (void)state;
    const scratch folder = scratch_make();
    const char *path = scratch_path(&folder, "log");
    um_append_file file = open_at(path);
    write_text(&file, "one\ntorn");
    assert_int_equal(um_append_file_close(&file, NULL), UM_OK);
    file = open_at(path);
    assert_int_equal(file.length, 8);
    assert_int_equal(um_append_file_cut(&file, 4, NULL), UM_OK);
    write_text(&file, "two\n");
    assert_int_equal(um_append_file_sync(&file, NULL), UM_OK);
    assert_int_equal(file.length, 8);
    assert_int_equal(um_append_file_close(&file, NULL), UM_OK);
    assert_int_equal(um_append_file_close(&file, NULL), UM_OK); /* closed already */
    assert_contents(path, "one\ntwo\n");
    scratch_remove(&folder);
}

/* A limit on the size of files behaves like a full disk: the write is cut short. */
static void a_record_that_does_not_fit_leaves_nothing(void **state) {
    (void)state;
    const scratch folder = scratch_make();
    const char *path = scratch_path(&folder, "log");
    um_error error = {0};
    um_append_file file = open_at(path);
    write_text(&file, "one\n");
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = {.rlim_cur = 6, .rlim_max = before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(um_append_file_write(&file, "two\n", 4, &error), UM_ERR_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(file.reason, EFBIG);
    assert_non_null(strstr(error.message, "log: cannot write"));
    assert_contents(path, "one\n");
    write_text(&file, "three\n");
    assert_ok(um_append_file_close(&file, &error), &error);
    assert_contents(path, "one\nthree\n");
    scratch_remove(&folder);
}

static void what_is_no_file_is_written_and_not_cut(void **state) {
    (void)state;
    um_append_file file = open_at("/dev/null");
    assert_false(file.regular);
    write_text(&file, "one\n");
    assert_int_equal(um_append_file_cut(&file, 0, NULL), UM_OK);
    assert_int_equal(um_append_file_sync(&file, NULL), UM_OK);
    assert_int_equal(um_append_file_close(&file, NULL), UM_OK);
    um_error error = {0};
    assert_int_equal(um_append_file_open("/nowhere/log", &file, &error), UM_ERR_IO);
    assert_non_null(strstr(error.message, "/nowhere/log: cannot write"));
    assert_null(file.path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_added_behind_what_is_kept),
        cmocka_unit_test(a_record_that_does_not_fit_leaves_nothing),
        cmocka_unit_test(what_is_no_file_is_written_and_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
