#include "train/grpo/reward_journal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/append_file.h"
#include "base/hash.h"
#include "base/mapped_file.h"

#define MAGIC "UMREWARD"
#define FILE_MAXIMUM ((size_t)1 << 32)

typedef struct journal_header {
    char magic[8];
    uint64_t identity;
} journal_header;

typedef struct journal_entry {
    uint64_t verdict;
    uint64_t tests_passed;
    uint64_t tests_total;
    double code;
    double format;
} journal_entry;

/* Followed by its entries. */
typedef struct journal_record {
    uint64_t batch;
    uint64_t digest;
    uint64_t count;
    uint64_t checksum; /* of the other members and the entries */
} journal_record;

struct um_reward_journal {
    um_append_file file;
    uint64_t identity;
    um_buffer contents; /* of the file when it was opened */
    size_t known;       /* bytes of it that belong to this run */
    bool is_cut;        /* the file has been cut to them */
};

static uint64_t checksum_of(const journal_record *record, const void *entries) {
    const uint64_t head[] = {record->batch, record->digest, record->count};
    const unsigned char *bytes = entries;
    uint64_t hash = UM_HASH_START;
    for (size_t i = 0; i < 3; i++) {
        hash = um_hash_add(hash, head[i]);
    }
    for (size_t i = 0; i < record->count * sizeof(journal_entry); i++) {
        hash = um_hash_add(hash, bytes[i]);
    }
    return hash;
}

/* The record at `at` of the contents, if it is whole; *end is where it ends. */
static bool record_at(const um_buffer *contents, size_t at, journal_record *record, size_t *end) {
    const size_t rest = contents->length - at;
    if (rest < sizeof *record) {
        return false;
    }
    memcpy(record, contents->data + at, sizeof *record);
    if (record->count > (rest - sizeof *record) / sizeof(journal_entry)) {
        return false;
    }
    *end = at + sizeof *record + record->count * sizeof(journal_entry);
    return record->checksum == checksum_of(record, contents->data + at + sizeof *record);
}

static size_t known_bytes(const um_buffer *contents, uint64_t identity) {
    journal_header header;
    journal_record record;
    if (contents->length < sizeof header) {
        return 0;
    }
    memcpy(&header, contents->data, sizeof header);
    if (memcmp(header.magic, MAGIC, sizeof header.magic) != 0 || header.identity != identity) {
        return 0;
    }
    size_t at = sizeof header;
    size_t end = at;
    while (record_at(contents, at, &record, &end)) {
        at = end;
    }
    return at;
}

static um_status set_up(um_reward_journal *journal, const char *path, uint64_t identity,
                        um_error *error) {
    struct stat facts;
    if (stat(path, &facts) == 0 && !S_ISREG(facts.st_mode)) { /* reading might not end */
        return UM_RAISE(error, UM_ERR_IO, "%s: not a regular file; remove it", path);
    }
    UM_TRY(um_append_file_open(path, &journal->file, error));
    UM_TRY(um_file_read(path, FILE_MAXIMUM, &journal->contents, error));
    journal->identity = identity;
    journal->known = known_bytes(&journal->contents, identity);
    return UM_OK;
}

/* Only what is about to add a record takes away what is not its own: until then the run may still
 * be refused. */
static um_status cut(um_reward_journal *journal, um_error *error) {
    journal_header header = {.identity = journal->identity};
    memcpy(header.magic, MAGIC, sizeof header.magic);
    if (journal->is_cut) {
        return UM_OK;
    }
    UM_TRY(um_append_file_cut(&journal->file, journal->known, error));
    if (journal->known == 0) {
        UM_TRY(um_append_file_write(&journal->file, &header, sizeof header, error));
    }
    journal->is_cut = true;
    return UM_OK;
}

um_status um_reward_journal_open(const char *path, uint64_t identity, um_reward_journal **journal,
                                 um_error *error) {
    *journal = NULL;
    um_reward_journal *opened = calloc(1, sizeof *opened);
    if (!opened) {
        return um_error_memory(error, "journal of rewards", sizeof *opened);
    }
    const um_status status = set_up(opened, path, identity, error);
    if (status != UM_OK) {
        um_reward_journal_close(opened);
        return status;
    }
    *journal = opened;
    return UM_OK;
}

void um_reward_journal_close(um_reward_journal *journal) {
    if (journal) {
        (void)um_append_file_close(&journal->file, NULL);
        um_buffer_free(&journal->contents);
        free(journal);
    }
}

static void restore(const char *entries, um_judgement *judgements, size_t count) {
    for (size_t i = 0; i < count; i++) {
        journal_entry entry;
        memcpy(&entry, entries + i * sizeof entry, sizeof entry);
        judgements[i] = (um_judgement){.verdict = (um_verdict)entry.verdict,
                                       .tests_passed = (size_t)entry.tests_passed,
                                       .tests_total = (size_t)entry.tests_total,
                                       .code = entry.code,
                                       .format = entry.format};
    }
}

bool um_reward_journal_find(const um_reward_journal *journal, uint64_t batch, uint64_t digest,
                            um_judgement *judgements, size_t count) {
    journal_record record;
    size_t at = sizeof(journal_header);
    size_t end = 0;
    while (at < journal->known && record_at(&journal->contents, at, &record, &end)) {
        if (record.batch == batch && record.digest == digest && record.count == count) {
            restore(journal->contents.data + at + sizeof record, judgements, count);
            return true;
        }
        at = end;
    }
    return false;
}

um_status um_reward_journal_append(um_reward_journal *journal, uint64_t batch, uint64_t digest,
                                   const um_judgement *judgements, size_t count, um_error *error) {
    journal_record record = {.batch = batch, .digest = digest, .count = count};
    um_buffer bytes = {0};
    UM_TRY(cut(journal, error));
    um_status status = um_buffer_append(&bytes, &record, sizeof record, error);
    for (size_t i = 0; i < count && status == UM_OK; i++) {
        const journal_entry entry = {.verdict = judgements[i].verdict,
                                     .tests_passed = judgements[i].tests_passed,
                                     .tests_total = judgements[i].tests_total,
                                     .code = judgements[i].code,
                                     .format = judgements[i].format};
        status = um_buffer_append(&bytes, &entry, sizeof entry, error);
    }
    if (status == UM_OK) {
        record.checksum = checksum_of(&record, bytes.data + sizeof record);
        memcpy(bytes.data, &record, sizeof record);
        status = um_append_file_write(&journal->file, bytes.data, bytes.length, error);
    }
    um_buffer_free(&bytes);
    return status == UM_OK ? um_append_file_sync(&journal->file, error) : status;
}
