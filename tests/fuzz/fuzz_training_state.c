/* The input is the state file of a training run, and a journal of rewards.  Whatever they hold, the
 * sections that are found lie inside the file, and a record that is appended to the journal is
 * found again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train/grpo/reward_journal.h"
#include "train/run/state_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void read_state(const char *path) {
    um_error error = {0};
    um_state_file *file = NULL;
    if (um_state_file_open(path, 77, &file, &error) != UM_OK) {
        require(file == NULL && error.message[0] != '\0');
        return;
    }
    static const char *const names[] = {"step", "weights", "a", "empty", "unknown"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const void *section = NULL;
        size_t length = 0;
        if (um_state_file_find(file, names[i], &section, &length, &error) == UM_OK) {
            char *copy = malloc(length + 1);
            require(copy != NULL);
            require(um_state_file_read(file, names[i], copy, length, &error) == UM_OK);
            require(memcmp(copy, section, length) == 0);
            free(copy);
        }
    }
    um_state_file_close(file);
}

static void read_journal(const char *path) {
    um_error error = {0};
    um_reward_journal *journal = NULL;
    um_judgement judgements[2];
    require(um_reward_journal_open(path, 5, &journal, &error) == UM_OK);
    (void)um_reward_journal_find(journal, 0, 100, judgements, 2);
    memset(judgements, 0, sizeof judgements);
    require(um_reward_journal_append(journal, 9, 9, judgements, 2, &error) == UM_OK);
    um_reward_journal_close(journal);
    require(um_reward_journal_open(path, 5, &journal, &error) == UM_OK);
    require(um_reward_journal_find(journal, 9, 9, judgements, 2));
    um_reward_journal_close(journal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[] = "/tmp/unmask-fuzz-XXXXXX";
    const int descriptor = mkstemp(path);
    require(descriptor >= 0);
    require(write(descriptor, data, size) == (ssize_t)size);
    (void)close(descriptor);
    if (size > 0) {
        read_state(path);
    }
    read_journal(path);
    require(unlink(path) == 0);
    return 0;
}
