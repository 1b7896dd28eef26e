/* Token shards: written and read back, and files that are not what they claim to be. */
#include "base/buffer.h"
#include "base/file_hash.h"
#include "scratch.h"

#include <sys/stat.h>

#include "train/corpus/corpus_writer.h"

/* ---- Round trip -------------------------------------------------------- */

static const int32_t first_document[] = {5, 0, 65535, 7};
static const int32_t second_document[] = {1};
static const int32_t third_document[] = {9, 8, 7, 6, 5};

static um_shard_writer *writer_of_three(size_t vocabulary_size) {
    um_error error = {0};
    um_shard_writer *writer = NULL;
    assert_ok(um_shard_writer_create(vocabulary_size, &writer, &error), &error);
    assert_ok(um_shard_writer_add(writer, first_document, (um_document){4, 2, 1}, &error), &error);
    assert_ok(um_shard_writer_add(writer, second_document, (um_document){1, 0, 0}, &error), &error);
    assert_ok(um_shard_writer_add(writer, third_document, (um_document){5, 2, 3}, &error), &error);
    return writer;
}

static void expect_document(const um_shard *shard, size_t index, const int32_t *tokens,
                            um_document lengths) {
    const um_document document = um_shard_document(shard, index);
    int32_t stored[8] = {0};
    const size_t length = lengths.length;
    assert_int_equal(document.length, length);
    assert_int_equal(document.prompt_length, lengths.prompt_length);
    assert_int_equal(document.suffix_length, lengths.suffix_length);
    um_shard_tokens(shard, index, 0, length, stored);
    assert_memory_equal(stored, tokens, length * sizeof *tokens);
    stored[length - 1] = -1;
    um_shard_tokens(shard, index, 0, length - 1, stored);
    assert_int_equal(stored[length - 1], -1);
    um_shard_tokens(shard, index, length - 1, 1, stored);
    assert_int_equal(stored[0], tokens[length - 1]);
}

static void documents_come_back_in_either_width(void **state) {
    (void)state;
    static const struct {
        size_t vocabulary_size;
        size_t token_size;
    } cases[] = {{65536, 2}, {65537, 4}};
    for (size_t i = 0; i < 2; i++) {
        um_error error = {0};
        const scratch directory = scratch_make();
        um_shard_writer *writer = writer_of_three(cases[i].vocabulary_size);
        assert_int_equal(um_shard_writer_token_count(writer), 10);
        const char *path = scratch_path(&directory, "three.shard");
        assert_ok(um_shard_writer_commit(writer, path, &error), &error);
        um_shard_writer_free(writer);
        um_shard *shard = NULL;
        assert_ok(um_shard_open(path, &shard, &error), &error);
        assert_int_equal(um_shard_document_count(shard), 3);
        assert_int_equal(um_shard_token_count(shard), 10);
        expect_document(shard, 0, first_document, (um_document){4, 2, 1});
        expect_document(shard, 1, second_document, (um_document){1, 0, 0});
        expect_document(shard, 2, third_document, (um_document){5, 2, 3});
        um_shard_close(shard);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        assert_int_equal(fseek(file, 0, SEEK_END), 0);
        assert_int_equal(ftell(file), (long)(32 + 3 * 24 + 10 * cases[i].token_size));
        (void)fclose(file);
        scratch_remove(&directory);
    }
}

static void a_shard_without_documents_is_whole(void **state) {
    (void)state;
    um_error error = {0};
    const scratch directory = scratch_make();
    um_shard_writer *writer = NULL;
    um_shard *shard = NULL;
    assert_ok(um_shard_writer_create(10, &writer, &error), &error);
    assert_ok(um_shard_writer_commit(writer, scratch_path(&directory, "empty.shard"), &error),
              &error);
    um_shard_writer_free(writer);
    assert_ok(um_shard_open(scratch_path(&directory, "empty.shard"), &shard, &error), &error);
    assert_int_equal(um_shard_document_count(shard), 0);
    um_shard_close(shard);
    scratch_remove(&directory);
}

/* ---- Several files ------------------------------------------------------ */

/* Write the three documents to `name`, in shards of at most `shard_tokens` tokens or of a single
 * document (0: no limit); returns the number of shards beside the index. */
static size_t write_corpus(const scratch *directory, const char *name, size_t shard_tokens) {
    um_error error = {0};
    um_corpus_writer *writer = NULL;
    const char *path = scratch_path(directory, name);
    assert_ok(um_corpus_writer_create(65536, path, shard_tokens, &writer, &error), &error);
    assert_ok(um_corpus_writer_add(writer, first_document, (um_document){4, 2, 1}, &error), &error);
    assert_ok(um_corpus_writer_add(writer, second_document, (um_document){1, 0, 0}, &error),
              &error);
    assert_ok(um_corpus_writer_add(writer, third_document, (um_document){5, 2, 3}, &error), &error);
    assert_ok(um_corpus_writer_commit(writer, &error), &error);
    const size_t shards = um_corpus_writer_shard_count(writer);
    um_corpus_writer_free(writer);
    return shards;
}

static um_shard *open_corpus(const scratch *directory, const char *name) {
    um_error error = {0};
    um_shard *shard = NULL;
    assert_ok(um_shard_open(scratch_path(directory, name), &shard, &error), &error);
    return shard;
}

static void shards_of_an_index_read_as_one(void **state) {
    (void)state;
    static const size_t limits[] = {0, 10, 9, 5, 1};
    static const size_t shards[] = {0, 0, 2, 2, 3};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        const scratch directory = scratch_make();
        assert_int_equal(write_corpus(&directory, "corpus.json", limits[i]), shards[i]);
        um_shard *shard = open_corpus(&directory, "corpus.json");
        assert_int_equal(um_shard_document_count(shard), 3);
        assert_int_equal(um_shard_token_count(shard), 10);
        expect_document(shard, 0, first_document, (um_document){4, 2, 1});
        expect_document(shard, 1, second_document, (um_document){1, 0, 0});
        expect_document(shard, 2, third_document, (um_document){5, 2, 3});
        um_shard_close(shard);
        scratch_remove(&directory);
    }
}

/* This way an index never names shards of another corpus, whenever the writer is killed. */
static void a_new_corpus_does_not_write_over_the_shards_of_the_old_one(void **state) {
    (void)state;
    static const char *const firsts[] = {"c-00001.shard", "c-b00001.shard"};
    const scratch directory = scratch_make();
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(write_corpus(&directory, "c.shard", i == 0 ? 1 : 5), i == 0 ? 3 : 2);
        assert_int_equal(access(scratch_path(&directory, firsts[i % 2]), F_OK), 0);
        assert_int_equal(access(scratch_path(&directory, firsts[(i + 1) % 2]), F_OK), -1);
        um_shard *shard = open_corpus(&directory, "c.shard");
        expect_document(shard, 2, third_document, (um_document){5, 2, 3});
        um_shard_close(shard);
    }
    assert_int_equal(access(scratch_path(&directory, "c-00003.shard"), F_OK), -1);
    scratch_remove(&directory);
}

static void shards_that_no_index_can_name_are_removed(void **state) {
    (void)state;
    um_error error = {0};
    um_corpus_writer *writer = NULL;
    const scratch directory = scratch_make();
    assert_int_equal(mkdir(scratch_path(&directory, "c.json"), 0755),
                     0); /* no place for an index */
    assert_ok(
        um_corpus_writer_create(65536, scratch_path(&directory, "c.json"), 5, &writer, &error),
        &error);
    assert_ok(um_corpus_writer_add(writer, first_document, (um_document){4, 2, 1}, &error), &error);
    assert_ok(um_corpus_writer_add(writer, third_document, (um_document){5, 2, 3}, &error), &error);
    assert_int_equal(um_corpus_writer_commit(writer, &error), UM_ERR_IO);
    um_corpus_writer_free(writer);
    assert_int_equal(rmdir(scratch_path(&directory, "c.json")), 0);
    assert_int_equal(rmdir(directory.path), 0); /* nothing is left in it */
}

static void shards_that_belong_to_others_are_left_alone(void **state) {
    (void)state;
    static const char index[] = "{\"format\": \"unmask shard index\", \"version\": 2, "
                                "\"documents\": 6, \"tokens\": 20, \"shards\": "
                                "[\"own.shard\", \"c-web-00001.shard\"]}";
    const scratch directory = scratch_make();
    (void)write_corpus(&directory, "own.shard", 0);
    (void)write_corpus(&directory, "c-web-00001.shard", 0); /* of a corpus called c-web */
    (void)write_corpus(&directory, "c-00001.shard", 0);
    scratch_write(&directory, "c.shard", index, strlen(index));
    assert_int_equal(write_corpus(&directory, "c.shard", 5), 2);
    um_shard_close(open_corpus(&directory, "own.shard"));
    um_shard_close(open_corpus(&directory, "c-web-00001.shard"));
    um_shard *shard = open_corpus(&directory, "c-00001.shard");
    assert_int_equal(um_shard_document_count(shard), 3);
    um_shard_close(shard);
    shard = open_corpus(&directory, "c.shard");
    expect_document(shard, 2, third_document, (um_document){5, 2, 3});
    um_shard_close(shard);
    assert_int_equal(access(scratch_path(&directory, "c-b00002.shard"), F_OK), 0);
    (void)write_corpus(&directory, "c.shard", 0); /* one file, in place of two shards */
    assert_int_equal(access(scratch_path(&directory, "c-b00001.shard"), F_OK), -1);
    assert_int_equal(access(scratch_path(&directory, "c-b00002.shard"), F_OK), -1);
    scratch_remove(&directory);
}

/* An old corpus that lacks its first shard is replaced as well. */
static void a_new_corpus_keeps_its_shards_when_the_old_one_goes(void **state) {
    (void)state;
    const scratch directory = scratch_make();
    assert_int_equal(write_corpus(&directory, "c.shard", 5), 2);
    assert_int_equal(unlink(scratch_path(&directory, "c-00001.shard")), 0);
    assert_int_equal(write_corpus(&directory, "c.shard", 5), 2);
    um_shard *shard = open_corpus(&directory, "c.shard");
    expect_document(shard, 2, third_document, (um_document){5, 2, 3});
    um_shard_close(shard);
    assert_int_equal(access(scratch_path(&directory, "c-00002.shard"), F_OK), -1);
    scratch_remove(&directory);
}

static void pieces_go_over_the_ends_of_documents(void **state) {
    (void)state;
    static const int32_t tokens[] = {5, 0, 65535, 7, 1, 9, 8, 7, 6, 5};
    const scratch directory = scratch_make();
    (void)write_corpus(&directory, "one.shard", 0);
    um_shard *shard = open_corpus(&directory, "one.shard");
    um_shard_cut_into_pieces(shard, 3);
    assert_int_equal(um_shard_document_count(shard), 4);
    for (size_t i = 0; i < 4; i++) {
        expect_document(shard, i, tokens + 3 * i, (um_document){i < 3 ? 3 : 1, 0, 0});
    }
    um_shard_close(shard);
    (void)write_corpus(&directory, "two.shard", 5); /* no piece crosses from one file to the next */
    shard = open_corpus(&directory, "two.shard");
    um_shard_cut_into_pieces(shard, 3);
    assert_int_equal(um_shard_document_count(shard), 4);
    expect_document(shard, 1, tokens + 3, (um_document){2, 0, 0});
    expect_document(shard, 2, tokens + 5, (um_document){3, 0, 0});
    expect_document(shard, 3, tokens + 8, (um_document){2, 0, 0});
    um_shard_close(shard);
    scratch_remove(&directory);
}

static void faulty_indexes_are_refused_with_the_reason(void **state) {
    (void)state;
#define INDEX(more) "{\"format\": \"unmask shard index\", \"version\": 2, " more "}"
    static const char *const faulty[][2] = {
        {"{", "line 1"},
        {"{}", "\"format\" is missing"},
        {"{\"format\": \"zip\"}", "\"format\" is not"},
        {"{\"format\": \"unmask shard index\", \"version\": 3}", "\"version\" is 3"},
        {INDEX("\"documents\": -1"), "\"documents\" is -1"},
        {INDEX("\"documents\": 3, \"tokens\": 10, \"shards\": []"), "\"shards\" names none"},
        {INDEX("\"documents\": 3, \"tokens\": 10, \"shards\": [7]"), "number 0 is not the name"},
        {INDEX("\"documents\": 3, \"tokens\": 10, \"shards\": [\"three.shard\", \"../x\"]"),
         "number 1 is not the name"},
        {INDEX("\"documents\": 3, \"tokens\": 10, \"shards\": [\"gone.shard\"]"), "gone.shard: "},
        {INDEX("\"documents\": 3, \"tokens\": 11, \"shards\": [\"three.shard\"]"),
         "11 tokens, but they have 3 and 10"},
        {INDEX("\"documents\": 3, \"tokens\": 10, \"shards\": [\"index.json\"]"),
         "index.json: not a token shard"},
    };
    const scratch directory = scratch_make();
    (void)write_corpus(&directory, "three.shard", 0);
    for (size_t i = 0; i < sizeof faulty / sizeof *faulty; i++) {
        um_error error = {0};
        um_shard *shard = NULL;
        scratch_write(&directory, "index.json", faulty[i][0], strlen(faulty[i][0]));
        assert_true(um_shard_open(scratch_path(&directory, "index.json"), &shard, &error) != UM_OK);
        assert_null(shard);
        if (!strstr(error.message, faulty[i][1])) {
            fail_msg("\"%s\" lacks \"%s\"", error.message, faulty[i][1]);
        }
    }
    scratch_remove(&directory);
#undef INDEX
}

static void what_cannot_be_stored_is_refused(void **state) {
    (void)state;
    um_error error = {0};
    static const int32_t outside[] = {3, 100};
    static const int32_t negative[] = {-1};
    um_shard_writer *writer = NULL;
    assert_ok(um_shard_writer_create(100, &writer, &error), &error);
    assert_int_equal(um_shard_writer_add(writer, outside, (um_document){0, 0, 0}, &error),
                     UM_ERR_ARGUMENT);
    assert_int_equal(um_shard_writer_add(writer, outside, (um_document){1, 2, 0}, &error),
                     UM_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "1 tokens with a prompt of 2"));
    assert_int_equal(um_shard_writer_add(writer, outside, (um_document){2, 1, 2}, &error),
                     UM_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "a prompt of 1 and a suffix of 2"));
    assert_int_equal(um_shard_writer_add(writer, outside, (um_document){2, 0, 0}, &error),
                     UM_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "token id 100"));
    assert_int_equal(um_shard_writer_add(writer, negative, (um_document){1, 0, 0}, &error),
                     UM_ERR_ARGUMENT);
    assert_int_equal(um_shard_writer_commit(writer, "/nowhere/at/all", &error), UM_ERR_IO);
    um_shard_writer_free(writer);
}

/* ---- Hostile files ----------------------------------------------------- */

/* A shard as its fields, so that each can be set to anything. */
typedef struct raw_shard {
    const char *magic;
    uint32_t version;
    uint32_t token_size;
    uint64_t documents;
    uint64_t tokens;
    uint64_t first; /* from here on, the only index record */
    uint32_t length;
    uint32_t prompt_length;
    uint32_t suffix_length;
    uint32_t zero;
    size_t file_size;
} raw_shard;

#define CASES 19

/* One document of three two-byte tokens. */
static raw_shard sound_shard(void) {
    return (raw_shard){.magic = "UMSHARD1",
                       .version = 2,
                       .token_size = 2,
                       .documents = 1,
                       .tokens = 3,
                       .length = 3,
                       .prompt_length = 1,
                       .suffix_length = 2,
                       .file_size = 32 + 24 + 6};
}

static void put(uint8_t *bytes, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> 8 * i);
    }
}

static um_status open_raw(const raw_shard *raw, um_error *error) {
    uint8_t bytes[128] = {0};
    memcpy(bytes, raw->magic, 8);
    put(bytes + 8, raw->version, 4);
    put(bytes + 12, raw->token_size, 4);
    put(bytes + 16, raw->documents, 8);
    put(bytes + 24, raw->tokens, 8);
    put(bytes + 32, raw->first, 8);
    put(bytes + 40, raw->length, 4);
    put(bytes + 44, raw->prompt_length, 4);
    put(bytes + 48, raw->suffix_length, 4);
    put(bytes + 52, raw->zero, 4);
    const scratch directory = scratch_make();
    scratch_write(&directory, "raw.shard", bytes, raw->file_size);
    um_shard *shard = NULL;
    const um_status status = um_shard_open(scratch_path(&directory, "raw.shard"), &shard, error);
    assert_true((status == UM_OK) == (shard != NULL));
    um_shard_close(shard);
    scratch_remove(&directory);
    return status;
}

static void hostile_files_are_refused_with_the_reason(void **state) {
    (void)state;
    const uint64_t huge = UINT64_MAX;
    raw_shard raw[CASES];
    for (size_t i = 0; i < CASES; i++) {
        raw[i] = sound_shard();
    }
    um_error error = {0};
    assert_ok(open_raw(&raw[0], &error), &error);
    raw[0].file_size = 0;
    raw[1].file_size = 31;
    raw[2].magic = "UMSHARD0";
    raw[3].version = 1;
    raw[4].token_size = 3;
    raw[5].file_size = 61; /* truncated */
    raw[6].file_size = 63; /* a byte too many */
    raw[7].documents = huge;
    raw[8].tokens = huge;
    raw[9].documents = huge / 8 + 1; /* the index's bytes wrap to 0 */
    raw[10].tokens = huge / 2 + 1;   /* the tokens' bytes wrap to 0 */
    raw[11].length = 0;
    raw[12].prompt_length = 4;
    raw[13].first = 1;
    raw[14].first = huge; /* first + length wraps */
    raw[15].length = UINT32_MAX;
    raw[16].suffix_length = 3;
    raw[17].suffix_length = UINT32_MAX; /* prompt + suffix wraps */
    raw[18].zero = 1;
    static const char *const reasons[CASES] = {"not a token shard",
                                               "not a token shard",
                                               "not a token shard",
                                               "version 1, expected 2",
                                               "do not make a file",
                                               "do not make a file",
                                               "do not make a file",
                                               "do not make a file",
                                               "do not make a file",
                                               "do not make a file",
                                               "do not make a file",
                                               "has 0 tokens",
                                               "4 of them prompt",
                                               "lies outside",
                                               "lies outside",
                                               "lies outside",
                                               "and 3 suffix",
                                               "suffix",
                                               "is not 0"};
    for (size_t i = 0; i < CASES; i++) {
        const um_status status = open_raw(&raw[i], &error);
        assert_int_equal(status, i == 3 ? UM_ERR_UNSUPPORTED : UM_ERR_FORMAT);
        if (!strstr(error.message, reasons[i])) {
            fail_msg("case %zu: \"%s\" lacks \"%s\"", i, error.message, reasons[i]);
        }
        assert_non_null(strstr(error.message, "raw.shard: "));
    }
}

/* ---- Hashes of many shards ---------------------------------------------- */

#define LARGE_FILE ((size_t)2 << 20)

static uint64_t hash_of(const scratch *directory, const uint8_t *bytes, size_t size, size_t files) {
    um_error error = {0};
    uint64_t hash = 0;
    scratch_write(directory, "large", bytes, size);
    assert_ok(um_file_hash_among(scratch_path(directory, "large"), files, &hash, &error), &error);
    return hash;
}

/* One of a few is read whole, one of very many at 16 places of 64 KiB, which begin 135,441 bytes
 * apart. */
static void a_file_among_many_is_hashed_in_places(void **state) {
    (void)state;
    um_error error = {0};
    const scratch directory = scratch_make();
    uint8_t *bytes = calloc(LARGE_FILE, 1);
    assert_non_null(bytes);
    const uint64_t whole = hash_of(&directory, bytes, LARGE_FILE, 1);
    const uint64_t places = hash_of(&directory, bytes, LARGE_FILE, 5000);
    uint64_t plain = 0;
    assert_ok(um_file_hash(scratch_path(&directory, "large"), &plain, &error), &error);
    assert_true(plain == whole);
    static const size_t read[] = {9, 15 * 135441 + 5};
    for (size_t i = 0; i < 2; i++) {
        bytes[read[i]] = 1;
        assert_true(hash_of(&directory, bytes, LARGE_FILE, 1) != whole);
        assert_true(hash_of(&directory, bytes, LARGE_FILE, 5000) != places);
        bytes[read[i]] = 0;
    }
    bytes[100000] = 1; /* between two places */
    assert_true(hash_of(&directory, bytes, LARGE_FILE, 100) != whole);
    assert_true(hash_of(&directory, bytes, LARGE_FILE, 5000) == places);
    bytes[100000] = 0;
    assert_true(hash_of(&directory, bytes, LARGE_FILE - 8, 5000) != places);
    bytes[(1 << 20) - 1] = 1; /* of a file as long as its places */
    assert_true(hash_of(&directory, bytes, 1 << 20, 5000) ==
                hash_of(&directory, bytes, 1 << 20, 1));
    free(bytes);
    scratch_remove(&directory);
}

static void a_missing_file_is_an_error(void **state) {
    (void)state;
    um_error error = {0};
    um_shard *shard = NULL;
    assert_int_equal(um_shard_open("/nowhere/at/all", &shard, &error), UM_ERR_IO);
    assert_null(shard);
    um_shard_close(NULL);
    um_shard_writer_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_come_back_in_either_width),
        cmocka_unit_test(a_shard_without_documents_is_whole),
        cmocka_unit_test(shards_of_an_index_read_as_one),
        cmocka_unit_test(a_new_corpus_does_not_write_over_the_shards_of_the_old_one),
        cmocka_unit_test(shards_that_no_index_can_name_are_removed),
        cmocka_unit_test(shards_that_belong_to_others_are_left_alone),
        cmocka_unit_test(a_new_corpus_keeps_its_shards_when_the_old_one_goes),
        cmocka_unit_test(pieces_go_over_the_ends_of_documents),
        cmocka_unit_test(faulty_indexes_are_refused_with_the_reason),
        cmocka_unit_test(what_cannot_be_stored_is_refused),
        cmocka_unit_test(hostile_files_are_refused_with_the_reason),
        cmocka_unit_test(a_file_among_many_is_hashed_in_places),
        cmocka_unit_test(a_missing_file_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
