/* The input is any bytes.  The reader of metrics refuses them, or returns a run whose series are in
 * order and whose text does not become markup in a page. */
#include <stdlib.h>
#include <string.h>

#include "analysis/training_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static size_t count_of(const char *text, const char *wanted) {
    size_t count = 0;
    for (const char *at = strstr(text, wanted); at; at = strstr(at + 1, wanted)) {
        count++;
    }
    return count;
}

static void check_series(const um_run_log *log) {
    for (size_t i = 0; i < log->series_count; i++) {
        const um_run_series *series = &log->series[i];
        for (size_t j = 1; j < series->count; j++) {
            require(series->steps[j] > series->steps[j - 1]);
        }
    }
}

static void check_page(const um_run_log *log) {
    const um_report_run runs[] = {{log, "one"}, {log, "two"}};
    um_buffer page = {0};
    um_buffer text = {0};
    require(um_report_page(runs, 2, &page, NULL) == UM_OK);
    require(strlen(page.data) == page.length);
    require(count_of(page.data, "<script") == 1 && count_of(page.data, "</script") == 1);
    require(count_of(page.data, "<!") == 1);
    require(um_report_text(runs, 2, &text, NULL) == UM_OK);
    require(um_report_json(runs, 2, &text, NULL) == UM_OK);
    um_buffer_free(&page);
    um_buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    um_run_log log;
    um_error error = {0};
    if (um_run_log_parse((const char *)data, size, "input", &log, &error) == UM_OK) {
        check_series(&log);
        check_page(&log);
    } else {
        require(error.message[0] != '\0' && !strchr(error.message, '\n'));
    }
    um_run_log_free(&log);
    return 0;
}
