/* The input is lines of AceCode's form.  Whatever they hold, a line that is refused is named, and
 * what is kept of the others can be written. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "train/completions/problem_selection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void add_lines(um_problem_selection *selection, const char *text, size_t length) {
    for (size_t number = 1; length > 0; number++) {
        const char *feed = memchr(text, '\n', length);
        const size_t used = feed ? (size_t)(feed - text) + 1 : length;
        um_error error = {0};
        const um_status status =
            um_problem_selection_add_line(selection, text, used, "input", number, &error);
        require(status == UM_OK || strncmp(error.message, "input: line ", 12) == 0);
        text += used;
        length -= used;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    um_error error = {0};
    um_problem_selection *selection = NULL;
    um_problem_filter filter;
    um_problem_selection_counts counts;
    require(um_problem_filter_from_name("all", &filter));
    require(um_problem_selection_create(NULL, 0, &selection, &error) == UM_OK);
    add_lines(selection, (const char *)data, size);
    um_buffer lines = {0};
    if (um_problem_selection_append(selection, &filter, &lines, &counts, &error) == UM_OK) {
        require(counts.kept == counts.problems && counts.rewritten <= counts.kept);
        require(lines.length > 0 && lines.data[lines.length - 1] == '\n');
    } else {
        require(counts.problems == 0);
    }
    um_buffer_free(&lines);
    um_problem_selection_free(selection);
    return 0;
}
