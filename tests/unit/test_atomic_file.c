/* Files that appear whole or not at all. */
#include "scratch.h"

#include <sys/stat.h>

#include "base/mapped_file.h"

static size_t count_files(const scratch *directory) {
    size_t count = 0;
    DIR *stream = opendir(directory->path);
    assert_non_null(stream);
    for (struct dirent *entry = readdir(stream); entry; entry = readdir(stream)) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(stream);
    return count;
}

static void expect_contents(const scratch *directory, const char *name, const char *text) {
    um_error error = {0};
    um_buffer contents = {0};
    assert_ok(um_file_read(scratch_path(directory, name), 100, &contents, &error), &error);
    assert_string_equal(um_buffer_text(&contents), text);
    um_buffer_free(&contents);
}

static void the_old_file_stays_until_the_commit(void **state) {
    (void)state;
    um_error error = {0};
    um_atomic_file *file = NULL;
    const scratch directory = scratch_make();
    scratch_write(&directory, "file", "old", 3);
    assert_ok(um_atomic_file_open(scratch_path(&directory, "file"), &file, &error), &error);
    assert_ok(um_atomic_file_write(file, "new text", 8, &error), &error);
    expect_contents(&directory, "file", "old");
    assert_ok(um_atomic_file_commit(file, &error), &error);
    expect_contents(&directory, "file", "new text");
    assert_int_equal(count_files(&directory), 1);
    scratch_remove(&directory);
}

static void a_discarded_file_leaves_nothing(void **state) {
    (void)state;
    um_error error = {0};
    um_atomic_file *file = NULL;
    const scratch directory = scratch_make();
    assert_ok(um_atomic_file_open(scratch_path(&directory, "file"), &file, &error), &error);
    assert_ok(um_atomic_file_write(file, "new", 3, &error), &error);
    assert_int_equal(count_files(&directory), 1);
    um_atomic_file_discard(file);
    um_atomic_file_discard(NULL);
    assert_int_equal(count_files(&directory), 0);
    assert_int_equal(um_atomic_file_open("/nowhere/at/all", &file, &error), UM_ERR_IO);
    scratch_remove(&directory);
}

static void two_writers_of_one_path_have_a_temporary_file_each(void **state) {
    (void)state;
    um_error error = {0};
    um_atomic_file *first = NULL;
    um_atomic_file *second = NULL;
    const scratch directory = scratch_make();
    assert_ok(um_atomic_file_open(scratch_path(&directory, "file"), &first, &error), &error);
    assert_ok(um_atomic_file_open(scratch_path(&directory, "file"), &second, &error), &error);
    assert_int_equal(count_files(&directory), 2);
    um_atomic_file_discard(first);
    um_atomic_file_discard(second);
    scratch_remove(&directory);
}

static void a_link_stays_a_link(void **state) {
    (void)state;
    um_error error = {0};
    struct stat information;
    const scratch directory = scratch_make();
    scratch_write(&directory, "file", "old", 3);
    assert_int_equal(symlink("file", scratch_path(&directory, "link")), 0);
    assert_ok(um_file_write(scratch_path(&directory, "link"), "new", 3, &error), &error);
    expect_contents(&directory, "file", "new");
    assert_int_equal(lstat(scratch_path(&directory, "link"), &information), 0);
    assert_true(S_ISLNK(information.st_mode));
    assert_int_equal(count_files(&directory), 2);
    scratch_remove(&directory);
}

static void only_regular_files_are_replaced(void **state) {
    (void)state;
    um_error error = {0};
    const scratch directory = scratch_make();
    assert_int_equal(mkfifo(scratch_path(&directory, "pipe"), 0600), 0);
    assert_int_equal(um_file_write(scratch_path(&directory, "pipe"), "x", 1, &error), UM_ERR_IO);
    assert_non_null(strstr(error.message, "pipe: is not a regular file"));
    assert_int_equal(um_file_write(directory.path, "x", 1, &error), UM_ERR_IO);
    assert_int_equal(um_file_write("", "x", 1, &error), UM_ERR_ARGUMENT);
    assert_int_equal(count_files(&directory), 1);
    scratch_remove(&directory);
}

static void a_new_file_has_the_usual_permissions(void **state) {
    (void)state;
    struct stat information;
    const scratch directory = scratch_make();
    const mode_t mask = umask(027);
    scratch_write(&directory, "usual", "", 0);
    assert_int_equal(stat(scratch_path(&directory, "usual"), &information), 0);
    assert_int_equal(information.st_mode & 0777, 0640);
    (void)umask(mask);
    scratch_remove(&directory);
}

/* A killed writer leaves its temporary file; files with similar names are not leftovers. */
static void a_replaced_file_keeps_its_permissions(void **state) {
    (void)state;
    struct stat facts;
    const scratch directory = scratch_make();
    scratch_write(&directory, "file", "old", 3);
    assert_int_equal(chmod(scratch_path(&directory, "file"), 0640), 0);
    scratch_write(&directory, "file", "new", 3);
    expect_contents(&directory, "file", "new");
    assert_int_equal(stat(scratch_path(&directory, "file"), &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0640);
    scratch_remove(&directory);
}

static void leftovers_of_killed_writers_are_removed_and_nothing_else(void **state) {
    (void)state;
    um_error error = {0};
    static const char *const others[] = {
        "file",           "file.backup", "file.part-abc", "file.part-1234567", "other.part-abcdef",
        "file.tmp-abcdef"};
    const scratch directory = scratch_make();
    for (size_t i = 0; i < 6; i++) {
        scratch_write(&directory, others[i], "", 0);
    }
    scratch_write(&directory, "file.part-abcdef", "", 0);
    um_atomic_file *file = NULL;
    assert_ok(um_atomic_file_open(scratch_path(&directory, "file"), &file, &error), &error);
    assert_int_equal(count_files(&directory), 8);
    assert_ok(um_atomic_file_remove_leftovers(scratch_path(&directory, "file"), &error), &error);
    assert_false(um_file_exists(directory.path, "file.part-abcdef"));
    assert_int_equal(count_files(&directory), 7); /* the living writer's among them */
    for (size_t i = 0; i < 6; i++) {
        assert_true(um_file_exists(directory.path, others[i]));
    }
    um_atomic_file_discard(file);
    assert_int_equal(um_atomic_file_remove_leftovers("/nowhere/at/all", &error), UM_ERR_IO);
    scratch_remove(&directory);
}

static void leftovers_are_looked_for_beside_what_a_link_leads_to(void **state) {
    (void)state;
    um_error error = {0};
    const scratch directory = scratch_make();
    const scratch links = scratch_make();
    scratch_write(&directory, "file", "", 0);
    scratch_write(&directory, "file.part-abcdef", "", 0);
    scratch_write(&links, "link.part-abcdef", "", 0); /* of a file that is called so */
    char target[512];
    (void)snprintf(target, sizeof target, "%s/file", directory.path);
    assert_int_equal(symlink(target, scratch_path(&links, "link")), 0);
    assert_ok(um_atomic_file_remove_leftovers(scratch_path(&links, "link"), &error), &error);
    assert_false(um_file_exists(directory.path, "file.part-abcdef"));
    assert_true(um_file_exists(links.path, "link.part-abcdef"));
    scratch_remove(&links);
    scratch_remove(&directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_old_file_stays_until_the_commit),
        cmocka_unit_test(a_discarded_file_leaves_nothing),
        cmocka_unit_test(two_writers_of_one_path_have_a_temporary_file_each),
        cmocka_unit_test(a_link_stays_a_link),
        cmocka_unit_test(only_regular_files_are_replaced),
        cmocka_unit_test(a_new_file_has_the_usual_permissions),
        cmocka_unit_test(a_replaced_file_keeps_its_permissions),
        cmocka_unit_test(leftovers_of_killed_writers_are_removed_and_nothing_else),
        cmocka_unit_test(leftovers_are_looked_for_beside_what_a_link_leads_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
