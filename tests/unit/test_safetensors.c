#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/safetensors.h"

/* Parse a file with the header `json` and `data_bytes` bytes after it. */
static um_status parse_text(const char *json, size_t data_bytes, um_safetensors_header *header,
                            um_error *error) {
    const size_t length = strlen(json);
    const size_t size = 8 + length;
    /* Exactly as large as the header, so that the sanitizer sees a read beyond it. */
    uint8_t *bytes = malloc(size);
    assert_non_null(bytes);
    for (size_t i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(length >> (8 * i));
    }
    memcpy(bytes + 8, json, length);
    const um_status status = um_safetensors_parse(bytes, size, size + data_bytes, header, error);
    free(bytes);
    return status;
}

static void a_header_gives_the_places_of_its_tensors(void **state) {
    (void)state;
    const char *json = "{\"__metadata__\":{\"format\":\"pt\"},"
                       "\"b\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[12,28]},"
                       "\"a\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[0,12]},"
                       "\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[28,32]},"
                       "\"z\":{\"dtype\":\"F16\",\"shape\":[0,7],\"data_offsets\":[12,12]}}   ";
    um_error error = {0};
    um_safetensors_header header;
    assert_ok(parse_text(json, 32, &header, &error), &error);
    assert_int_equal(header.count, 4);
    const um_safetensors_entry *a = &header.entries[0];
    assert_string_equal(a->name, "a");
    assert_true(a->supported);
    assert_int_equal(a->dtype, UM_DTYPE_BF16);
    assert_int_equal(a->rank, 2);
    assert_int_equal(a->shape[1], 3);
    assert_int_equal(a->begin, 8 + strlen(json));
    assert_int_equal(a->bytes, 12);
    assert_string_equal(header.entries[1].name, "z");
    assert_int_equal(header.entries[1].bytes, 0);
    assert_string_equal(header.entries[2].dtype_name, "I64");
    assert_false(header.entries[2].supported);
    assert_int_equal(header.entries[3].rank, 0);
    um_safetensors_header_free(&header);
}

static void an_empty_file_of_tensors_is_allowed(void **state) {
    (void)state;
    um_error error = {0};
    um_safetensors_header header;
    assert_ok(parse_text("{}", 0, &header, &error), &error);
    assert_int_equal(header.count, 0);
    um_safetensors_header_free(&header);
}

#define TENSOR(dtype, shape, offsets)                                                              \
    "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const struct hostile {
    const char *json;
    size_t data_bytes;
    um_status status;
    const char *message; /* a part of it */
} hostile_headers[] = {
    {"", 0, UM_ERR_FORMAT, "not a JSON object"},
    {"[]", 0, UM_ERR_FORMAT, "not a JSON object"},
    {" {}", 0, UM_ERR_FORMAT, "not a JSON object"},
    {"{\"a\":", 0, UM_ERR_FORMAT, "header byte"},
    {"{} {}", 0, UM_ERR_FORMAT, "header byte"},
    {"{\"a\\u0000b\":" TENSOR("F32", "[1]", "[0,4]") "}", 4, UM_ERR_FORMAT, "header byte"},
    {"{\"a\":3}", 0, UM_ERR_FORMAT, "tensor a: no \"dtype\""},
    {"{\"a\":{}}", 0, UM_ERR_FORMAT, "tensor a: no \"dtype\""},
    {"{\"__metadata__\":3}", 0, UM_ERR_FORMAT, "__metadata__"},
    {"{\"a\":" TENSOR("F33", "[1]", "[0,4]") "}", 4, UM_ERR_FORMAT, "unknown dtype \"F33\""},
    {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, UM_ERR_FORMAT, "\"shape\""},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, UM_ERR_FORMAT, "data_offsets"},
    {"{\"a\":" TENSOR("F32", "[-1]", "[0,4]") "}", 4, UM_ERR_FORMAT, "\"shape\""},
    {"{\"a\":" TENSOR("F32", "[1.0]", "[0,4]") "}", 4, UM_ERR_FORMAT, "\"shape\""},
    {"{\"a\":" TENSOR("F32", "[1,1,1,1,1]", "[0,4]") "}", 4, UM_ERR_LIMIT, "rank 5"},
    {"{\"a\":" TENSOR("F32", "[1]", "[0]") "}", 4, UM_ERR_FORMAT, "pair"},
    {"{\"a\":" TENSOR("F32", "[1]", "[0,4,8]") "}", 4, UM_ERR_FORMAT, "pair"},
    {"{\"a\":" TENSOR("F32", "[1]", "[-4,0]") "}", 4, UM_ERR_FORMAT, "pair"},
    {"{\"a\":" TENSOR("F32", "[1]", "[4,0]") "}", 4, UM_ERR_FORMAT, "outside"},
    {"{\"a\":" TENSOR("F32", "[2]", "[0,8]") "}", 4, UM_ERR_FORMAT, "outside"},
    {"{\"a\":" TENSOR("F32", "[1]", "[9223372036854775804,9223372036854775807]") "}", 4,
     UM_ERR_FORMAT, "outside"},
    {"{\"a\":" TENSOR("F32", "[2]", "[0,4]") "}", 4, UM_ERR_FORMAT, "hold 4 bytes"},
    {"{\"a\":" TENSOR("F32", "[4611686018427387905]", "[0,4]") "}", 4, UM_ERR_FORMAT, "size"},
    {"{\"a\":" TENSOR("F32", "[4294967296,4294967296,4294967296]", "[0,0]") "}", 0, UM_ERR_FORMAT,
     "size"},
    {"{\"a\":" TENSOR("F4", "[3]", "[0,1]") "}", 1, UM_ERR_FORMAT, "number of bytes"},
    {"{\"a\":" TENSOR("F32", "[99999999999999999999999]", "[0,4]") "}", 4, UM_ERR_FORMAT,
     "header byte"},
    {"{\"a\":" TENSOR("F32", "[1]", "[0,4]") ",\"b\":" TENSOR("F32", "[1]", "[0,4]") "}", 4,
     UM_ERR_FORMAT, "tensor b: its data overlaps"},
    {"{\"a\":" TENSOR("F32", "[2]", "[0,8]") ",\"b\":" TENSOR("F32", "[1]", "[4,8]") "}", 8,
     UM_ERR_FORMAT, "overlaps"},
    {"{\"a\":" TENSOR("F32", "[1]", "[0,4]") ",\"b\":" TENSOR("F32", "[1]", "[8,12]") "}", 12,
     UM_ERR_FORMAT, "tensor b: unused bytes"},
    {"{\"a\":" TENSOR("F32", "[1]", "[4,8]") "}", 8, UM_ERR_FORMAT, "tensor a: unused bytes"},
    {"{\"a\":" TENSOR("F32", "[1]", "[0,4]") "}", 5, UM_ERR_FORMAT, "1 bytes after"},
    {"{}", 1, UM_ERR_FORMAT, "1 bytes after"},
    {"{\"a\":" TENSOR("F32", "[1]", "[0,4]") ",\"a\":" TENSOR("F32", "[1]", "[4,8]") "}", 8,
     UM_ERR_FORMAT, "duplicate"},
    {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
     UM_ERR_FORMAT, "duplicate"},
};

static void hostile_headers_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof hostile_headers / sizeof *hostile_headers; i++) {
        const struct hostile *hostile = &hostile_headers[i];
        um_error error = {0};
        um_safetensors_header header;
        const um_status status = parse_text(hostile->json, hostile->data_bytes, &header, &error);
        if (status != hostile->status || !strstr(error.message, hostile->message)) {
            fail_msg("%s: status %d, \"%s\"", hostile->json, (int)status, error.message);
        }
        assert_null(header.entries);
        assert_int_equal(header.count, 0);
    }
}

static void deep_headers_are_refused(void **state) {
    (void)state;
    char json[20006] = "{\"a\":";
    memset(json + 5, '[', 10000);
    memset(json + 10005, ']', 10000);
    strcpy(json + 20004, "}");
    um_error error = {0};
    um_safetensors_header header;
    assert_int_equal(parse_text(json, 0, &header, &error), UM_ERR_FORMAT);
}

static void truncated_files_are_refused(void **state) {
    (void)state;
    const uint8_t whole[] = {2, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
    um_error error = {0};
    um_safetensors_header header;
    for (size_t size = 0; size < sizeof whole; size++) {
        assert_int_equal(um_safetensors_parse(whole, size, size, &header, &error), UM_ERR_FORMAT);
    }
    assert_ok(um_safetensors_parse(whole, sizeof whole, sizeof whole, &header, &error), &error);
    um_safetensors_header_free(&header);
}

static void oversized_lengths_are_refused(void **state) {
    (void)state;
    const uint8_t lengths[][8] = {
        {255, 255, 255, 255, 255, 255, 255, 255},
        {248, 255, 255, 255, 255, 255, 255, 255}, /* 8 + length wraps to 0 */
        {1, 225, 245, 5, 0, 0, 0, 0},             /* one above the maximum */
        {0, 0, 0, 0, 0, 0, 0, 128},
    };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        um_error error = {0};
        um_safetensors_header header;
        assert_int_equal(um_safetensors_parse(lengths[i], 8, (size_t)1 << 40, &header, &error),
                         UM_ERR_FORMAT);
        assert_non_null(strstr(error.message, "at most 100000000"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_gives_the_places_of_its_tensors),
        cmocka_unit_test(an_empty_file_of_tensors_is_allowed),
        cmocka_unit_test(hostile_headers_are_refused),
        cmocka_unit_test(deep_headers_are_refused),
        cmocka_unit_test(truncated_files_are_refused),
        cmocka_unit_test(oversized_lengths_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
