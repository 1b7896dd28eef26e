/* Directories for results: missing parent directories are made too. */
#include "base/directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"

static void assert_is_directory(const char *path, mode_t mode) {
    struct stat facts;
    assert_int_equal(stat(path, &facts), 0);
    assert_true(S_ISDIR(facts.st_mode));
    assert_int_equal(facts.st_mode & 0077, mode & 0077);
}

static void directories_above_are_made(void **state) {
    (void)state;
    um_error error = {0};
    const scratch folder = scratch_make();
    const mode_t mask = umask(022);
    assert_ok(um_directory_make(scratch_path(&folder, "a/b//c/"), false, &error), &error);
    assert_is_directory(scratch_path(&folder, "a/b/c"), 0755);
    assert_ok(um_directory_make(scratch_path(&folder, "a/b/c"), false, &error), &error);
    assert_ok(um_directory_make(scratch_path(&folder, "own/part"), true, &error), &error);
    assert_is_directory(scratch_path(&folder, "own"), 0700);
    (void)umask(mask);
    static const char *const made[] = {"a/b/c", "a/b", "a", "own/part", "own"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        assert_int_equal(rmdir(scratch_path(&folder, made[i])), 0);
    }
    scratch_remove(&folder);
}

static void what_stands_in_the_way_is_told(void **state) {
    (void)state;
    um_error error = {0};
    const scratch folder = scratch_make();
    scratch_write(&folder, "file", "x", 1);
    assert_int_equal(um_directory_make(scratch_path(&folder, "file/a"), false, &error), UM_ERR_IO);
    assert_non_null(strstr(error.message, "file/a: cannot make the directory: Not a directory"));
    assert_int_equal(um_directory_make("", false, &error), UM_ERR_LIMIT);
    assert_int_equal(um_directory_check(scratch_path(&folder, "file/a"), &error), UM_ERR_IO);
    assert_int_equal(um_directory_check(scratch_path(&folder, "file"), &error), UM_ERR_IO);
    assert_non_null(strstr(error.message, "file: Not a directory"));
    scratch_remove(&folder);
}

static void a_check_makes_nothing(void **state) {
    (void)state;
    um_error error = {0};
    const scratch folder = scratch_make();
    const char *path = scratch_path(&folder, "new/deep/");
    assert_ok(um_directory_check(path, &error), &error);
    assert_int_equal(access(scratch_path(&folder, "new"), F_OK), -1);
    assert_ok(um_directory_check("not-there/deep", &error), &error);
    assert_int_equal(um_directory_check("/dev/null/deep", &error), UM_ERR_IO);
    scratch_remove(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directories_above_are_made),
        cmocka_unit_test(what_stands_in_the_way_is_told),
        cmocka_unit_test(a_check_makes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
